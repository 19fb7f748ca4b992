/*
 * structs_bsd.cdef.h - the structs whose names or fields FreeBSD's and usrsctp's headers have so, for cffi.
 *
 * See structs.cdef.h for the rules.  sctp_pdapi_event is missing on purpose: usrsctp.h shows another layout
 * than the stack uses.
 */
struct sctp_setprim { struct sockaddr_storage ssp_addr; sctp_assoc_t ssp_assoc_id; SFI_DOTS; };
struct sctp_send_failed_event { uint16_t ssfe_type; uint16_t ssfe_flags; uint32_t ssfe_length; uint32_t ssfe_error;
    struct sctp_sndinfo ssfe_info; sctp_assoc_t ssfe_assoc_id; SFI_DOTS; };
struct sctp_hmacalgo { uint32_t shmac_number_of_idents; uint16_t shmac_idents[]; SFI_DOTS; };
struct sfi_authchunks { sctp_assoc_t gauth_assoc_id; uint32_t gauth_number_of_chunks; uint8_t gauth_chunks[];
    SFI_DOTS; };
struct sfi_paddrthlds { struct sockaddr_storage spt_address; sctp_assoc_t spt_assoc_id; uint16_t spt_pathmaxrxt;
    uint16_t spt_pathpfthld; uint16_t spt_pathcpthld; SFI_DOTS; };
struct sctp_timeouts { sctp_assoc_t stimo_assoc_id; uint32_t stimo_init; uint32_t stimo_data; uint32_t stimo_sack;
    uint32_t stimo_shutdown; uint32_t stimo_heartbeat; uint32_t stimo_cookie; uint32_t stimo_shutdownack; SFI_DOTS; };
struct sctp_cc_option { int option; struct sctp_assoc_value aid_value; SFI_DOTS; };
struct sfi_sockstat { sctp_assoc_t ss_assoc_id; uint32_t ss_total_sndbuf; uint32_t ss_total_recv_buf; SFI_DOTS; };
