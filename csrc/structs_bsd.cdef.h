/*
 * structs_bsd.cdef.h - the structs whose names or fields FreeBSD's and usrsctp's headers have so, for cffi.
 *
 * See structs.cdef.h for the rules.  sctp_pdapi_event is missing on purpose: usrsctp.h shows another layout
 * than the stack uses.
 */
struct sctp_setprim { struct sockaddr_storage ssp_addr; sctp_assoc_t ssp_assoc_id; SFI_DOTS; };
struct sctp_send_failed_event { uint16_t ssfe_type; uint16_t ssfe_flags; uint32_t ssfe_length; uint32_t ssfe_error;
    struct sctp_sndinfo ssfe_info; sctp_assoc_t ssfe_assoc_id; SFI_DOTS; };
