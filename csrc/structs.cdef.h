/*
 * structs.cdef.h - the structs of every stack's sctp.h, for cffi (RFC 6458 sections 5.3, 6.1, 8).
 *
 * Only names: SFI_DOTS stands for cffi's "..." and lets the compiler place the fields, which lie elsewhere on
 * each stack.  A struct or field that one stack lacks belongs into that stack's own file.
 */
typedef SFI_INT sctp_assoc_t;

struct sockaddr_storage { SFI_DOTS; };
struct linger { int l_onoff; int l_linger; SFI_DOTS; };

struct sctp_initmsg { uint16_t sinit_num_ostreams; uint16_t sinit_max_instreams; uint16_t sinit_max_attempts;
    uint16_t sinit_max_init_timeo; SFI_DOTS; };
struct sctp_sndinfo { uint16_t snd_sid; uint16_t snd_flags; uint32_t snd_ppid; uint32_t snd_context;
    sctp_assoc_t snd_assoc_id; SFI_DOTS; };
struct sctp_rcvinfo { uint16_t rcv_sid; uint16_t rcv_ssn; uint16_t rcv_flags; uint32_t rcv_ppid; uint32_t rcv_tsn;
    uint32_t rcv_cumtsn; uint32_t rcv_context; sctp_assoc_t rcv_assoc_id; SFI_DOTS; };
struct sctp_nxtinfo { uint16_t nxt_sid; uint16_t nxt_flags; uint32_t nxt_ppid; uint32_t nxt_length;
    sctp_assoc_t nxt_assoc_id; SFI_DOTS; };
struct sctp_prinfo { uint16_t pr_policy; uint32_t pr_value; SFI_DOTS; };
struct sctp_authinfo { uint16_t auth_keynumber; SFI_DOTS; };

struct sctp_rtoinfo { sctp_assoc_t srto_assoc_id; uint32_t srto_initial; uint32_t srto_max; uint32_t srto_min;
    SFI_DOTS; };
struct sctp_assocparams { sctp_assoc_t sasoc_assoc_id; uint16_t sasoc_asocmaxrxt;
    uint16_t sasoc_number_peer_destinations; uint32_t sasoc_peer_rwnd; uint32_t sasoc_local_rwnd;
    uint32_t sasoc_cookie_life; SFI_DOTS; };
struct sctp_setadaptation { uint32_t ssb_adaptation_ind; SFI_DOTS; };
struct sctp_paddrparams { struct sockaddr_storage spp_address; sctp_assoc_t spp_assoc_id; uint32_t spp_hbinterval;
    uint16_t spp_pathmaxrxt; uint32_t spp_pathmtu; uint32_t spp_flags; uint32_t spp_ipv6_flowlabel;
    uint8_t spp_dscp; SFI_DOTS; };
struct sctp_sack_info { sctp_assoc_t sack_assoc_id; uint32_t sack_delay; uint32_t sack_freq; SFI_DOTS; };
struct sctp_assoc_value { sctp_assoc_t assoc_id; uint32_t assoc_value; SFI_DOTS; };
struct sctp_default_prinfo { sctp_assoc_t pr_assoc_id; uint32_t pr_value; uint16_t pr_policy; SFI_DOTS; };
struct sctp_udpencaps { sctp_assoc_t sue_assoc_id; struct sockaddr_storage sue_address; uint16_t sue_port;
    SFI_DOTS; };
struct sctp_event { sctp_assoc_t se_assoc_id; uint16_t se_type; uint8_t se_on; SFI_DOTS; };
struct sctp_paddrinfo { sctp_assoc_t spinfo_assoc_id; struct sockaddr_storage spinfo_address; int32_t spinfo_state;
    uint32_t spinfo_cwnd; uint32_t spinfo_srtt; uint32_t spinfo_rto; uint32_t spinfo_mtu; SFI_DOTS; };
struct sctp_setpeerprim { struct sockaddr_storage sspp_addr; sctp_assoc_t sspp_assoc_id; SFI_DOTS; };
struct sctp_authchunk { uint8_t sauth_chunk; SFI_DOTS; };
struct sctp_authkey { sctp_assoc_t sca_assoc_id; uint16_t sca_keynumber; uint16_t sca_keylength; uint8_t sca_key[];
    SFI_DOTS; };
struct sctp_authkeyid { sctp_assoc_t scact_assoc_id; uint16_t scact_keynumber; SFI_DOTS; };
struct sctp_assoc_ids { uint32_t gaids_number_of_ids; sctp_assoc_t gaids_assoc_id[]; SFI_DOTS; };
struct sctp_reset_streams { sctp_assoc_t srs_assoc_id; uint16_t srs_flags; uint16_t srs_number_streams;
    uint16_t srs_stream_list[]; SFI_DOTS; };
struct sctp_add_streams { sctp_assoc_t sas_assoc_id; uint16_t sas_instrms; uint16_t sas_outstrms; SFI_DOTS; };
struct sctp_stream_value { sctp_assoc_t assoc_id; uint16_t stream_id; uint16_t stream_value; SFI_DOTS; };
struct sctp_prstatus { sctp_assoc_t sprstat_assoc_id; uint16_t sprstat_sid; uint16_t sprstat_policy;
    uint64_t sprstat_abandoned_unsent; uint64_t sprstat_abandoned_sent; SFI_DOTS; };
struct sctp_status { sctp_assoc_t sstat_assoc_id; int32_t sstat_state; uint32_t sstat_rwnd; uint16_t sstat_unackdata;
    uint16_t sstat_penddata; uint16_t sstat_instrms; uint16_t sstat_outstrms; uint32_t sstat_fragmentation_point;
    struct sctp_paddrinfo sstat_primary; SFI_DOTS; };

struct sctp_assoc_change { uint16_t sac_type; uint16_t sac_flags; uint32_t sac_length; uint16_t sac_state;
    uint16_t sac_error; uint16_t sac_outbound_streams; uint16_t sac_inbound_streams; sctp_assoc_t sac_assoc_id;
    SFI_DOTS; };
struct sctp_paddr_change { uint16_t spc_type; uint16_t spc_flags; uint32_t spc_length;
    struct sockaddr_storage spc_aaddr; SFI_SPC spc_state; SFI_SPC spc_error; sctp_assoc_t spc_assoc_id; SFI_DOTS; };
struct sctp_remote_error { uint16_t sre_type; uint16_t sre_flags; uint32_t sre_length; uint16_t sre_error;
    sctp_assoc_t sre_assoc_id; SFI_DOTS; };
struct sctp_shutdown_event { uint16_t sse_type; uint16_t sse_flags; uint32_t sse_length; sctp_assoc_t sse_assoc_id;
    SFI_DOTS; };
struct sctp_adaptation_event { uint16_t sai_type; uint16_t sai_flags; uint32_t sai_length;
    uint32_t sai_adaptation_ind; sctp_assoc_t sai_assoc_id; SFI_DOTS; };
struct sctp_authkey_event { uint16_t auth_type; uint16_t auth_flags; uint32_t auth_length; uint16_t auth_keynumber;
    uint32_t auth_indication; sctp_assoc_t auth_assoc_id; SFI_DOTS; };
struct sctp_sender_dry_event { uint16_t sender_dry_type; uint16_t sender_dry_flags; uint32_t sender_dry_length;
    sctp_assoc_t sender_dry_assoc_id; SFI_DOTS; };
struct sctp_stream_reset_event { uint16_t strreset_type; uint16_t strreset_flags; uint32_t strreset_length;
    sctp_assoc_t strreset_assoc_id; SFI_DOTS; };
struct sctp_assoc_reset_event { uint16_t assocreset_type; uint16_t assocreset_flags; uint32_t assocreset_length;
    sctp_assoc_t assocreset_assoc_id; uint32_t assocreset_local_tsn; uint32_t assocreset_remote_tsn; SFI_DOTS; };
struct sctp_stream_change_event { uint16_t strchange_type; uint16_t strchange_flags; uint32_t strchange_length;
    sctp_assoc_t strchange_assoc_id; uint16_t strchange_instrms; uint16_t strchange_outstrms; SFI_DOTS; };
