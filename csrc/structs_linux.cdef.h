/*
 * structs_linux.cdef.h - the structs whose names or fields only <linux/sctp.h> has so, for cffi.
 *
 * See structs.cdef.h for the rules.
 */
struct sctp_prim { sctp_assoc_t ssp_assoc_id; struct sockaddr_storage ssp_addr; SFI_DOTS; };
struct sctp_pdapi_event { uint16_t pdapi_type; uint16_t pdapi_flags; uint32_t pdapi_length;
    uint32_t pdapi_indication; sctp_assoc_t pdapi_assoc_id; uint32_t pdapi_stream; uint32_t pdapi_seq; SFI_DOTS; };
struct sctp_send_failed_event { uint16_t ssf_type; uint16_t ssf_flags; uint32_t ssf_length; uint32_t ssf_error;
    struct sctp_sndinfo ssfe_info; sctp_assoc_t ssf_assoc_id; SFI_DOTS; };
