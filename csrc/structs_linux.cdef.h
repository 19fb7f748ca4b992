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
struct sctp_hmacalgo { uint32_t shmac_num_idents; uint16_t shmac_idents[]; SFI_DOTS; };
struct sctp_authchunks { sctp_assoc_t gauth_assoc_id; uint32_t gauth_number_of_chunks; uint8_t gauth_chunks[];
    SFI_DOTS; };
struct sctp_paddrthlds_v2 { sctp_assoc_t spt_assoc_id; struct sockaddr_storage spt_address; uint16_t spt_pathmaxrxt;
    uint16_t spt_pathpfthld; uint16_t spt_pathcpthld; SFI_DOTS; };
struct sctp_probeinterval { sctp_assoc_t spi_assoc_id; struct sockaddr_storage spi_address; uint32_t spi_interval;
    SFI_DOTS; };
struct sctp_assoc_stats { sctp_assoc_t sas_assoc_id; struct sockaddr_storage sas_obs_rto_ipaddr; uint64_t sas_maxrto;
    uint64_t sas_isacks; uint64_t sas_osacks; uint64_t sas_opackets; uint64_t sas_ipackets; uint64_t sas_rtxchunks;
    uint64_t sas_outofseqtsns; uint64_t sas_idupchunks; uint64_t sas_gapcnt; uint64_t sas_ouodchunks;
    uint64_t sas_iuodchunks; uint64_t sas_oodchunks; uint64_t sas_iodchunks; uint64_t sas_octrlchunks;
    uint64_t sas_ictrlchunks; SFI_DOTS; };
