/*
 * sfi_linux_names.h - what <linux/sctp.h> has today and an older one lacks, for sfi_linux.c.
 *
 * The module is to be the same whatever header it is built with: the running kernel decides what there is (ENOPROTOOPT).
 * Each block belongs to the Linux that brought it.  A struct that has grown takes the place of the header's; that it
 * has is known by a name that came with the same Linux.  The oldest header that tests/abi tries is that of 4.9.
 */
#ifndef SFI_LINUX_NAMES_H
#define SFI_LINUX_NAMES_H

#ifndef SCTP_EVENT /* Linux 5.0 */
#define SCTP_EVENT 127
struct sctp_event {
    sctp_assoc_t se_assoc_id;
    __u16 se_type;
    __u8 se_on;
};
#endif
#ifndef SCTP_STREAM_RESET_EVENT /* 4.11 */
#define SCTP_STREAM_RESET_EVENT 0x800a
#endif
#ifndef SCTP_ASSOC_RESET_EVENT /* 4.12 */
#define SCTP_ASSOC_RESET_EVENT 0x800b
#endif
#ifndef SCTP_STREAM_CHANGE_EVENT /* 4.12 */
#define SCTP_STREAM_CHANGE_EVENT 0x800c
#endif
#ifndef SCTP_SEND_FAILED_EVENT /* 5.5 */
#define SCTP_SEND_FAILED_EVENT 0x800d
struct sctp_send_failed_event {
    __u16 ssf_type;
    __u16 ssf_flags;
    __u32 ssf_length;
    __u32 ssf_error;
    struct sctp_sndinfo ssfe_info;
    sctp_assoc_t ssf_assoc_id;
    __u8 ssf_data[];
};
#endif
#ifndef SCTP_ADDR_PF /* 5.5 */
#define SCTP_ADDR_POTENTIALLY_FAILED 6
#endif
#ifndef SCTP_SENDALL /* 4.17 */
#define SCTP_SENDALL 0x40
#endif
#ifndef SCTP_PRINFO /* 4.17 */
#define SCTP_PRINFO 5
struct sctp_prinfo {
    __u16 pr_policy;
    __u32 pr_value;
};
#endif
#ifndef SCTP_REMOTE_UDP_ENCAPS_PORT /* 5.11 */
#define SCTP_REMOTE_UDP_ENCAPS_PORT 132
struct sctp_udpencaps {
    sctp_assoc_t sue_assoc_id;
    struct sockaddr_storage sue_address;
    uint16_t sue_port;
};
#endif
#ifndef SCTP_DSTADDRV4 /* 4.17 */
#define SCTP_AUTHINFO 6
#define SCTP_DSTADDRV4 7
#define SCTP_DSTADDRV6 8
#endif
#ifndef SCTP_AUTH_DEACTIVATE_KEY /* 4.17 */
#define SCTP_AUTH_DEACTIVATE_KEY 35
struct sctp_authinfo {
    __u16 auth_keynumber;
};
#endif
#ifndef SCTP_REUSE_PORT /* 4.19 */
#define SCTP_REUSE_PORT 36
struct sfi_paddrparams {
    sctp_assoc_t spp_assoc_id;
    struct sockaddr_storage spp_address;
    __u32 spp_hbinterval;
    __u16 spp_pathmaxrxt;
    __u32 spp_pathmtu;
    __u32 spp_sackdelay;
    __u32 spp_flags;
    __u32 spp_ipv6_flowlabel;
    __u8 spp_dscp;
} __attribute__((packed, aligned(4)));
#define sctp_paddrparams sfi_paddrparams
#endif
#ifndef SCTP_RECONFIG_SUPPORTED /* 4.12 */
#define SCTP_RECONFIG_SUPPORTED 117
#endif
#ifndef SCTP_PR_STREAM_STATUS /* 4.12 */
#define SCTP_PR_STREAM_STATUS 116
#endif
#ifndef SCTP_ENABLE_STREAM_RESET /* 4.11 */
#define SCTP_ENABLE_STREAM_RESET 118
#define SCTP_RESET_STREAMS 119
#define SCTP_RESET_ASSOC 120
#define SCTP_ADD_STREAMS 121
struct sctp_reset_streams {
    sctp_assoc_t srs_assoc_id;
    uint16_t srs_flags;
    uint16_t srs_number_streams;
    uint16_t srs_stream_list[];
};
struct sctp_add_streams {
    sctp_assoc_t sas_assoc_id;
    uint16_t sas_instrms;
    uint16_t sas_outstrms;
};
struct sctp_stream_reset_event {
    __u16 strreset_type;
    __u16 strreset_flags;
    __u32 strreset_length;
    sctp_assoc_t strreset_assoc_id;
    __u16 strreset_stream_list[];
};
#endif
#ifndef SCTP_ASSOC_RESET_DENIED /* 4.12 */
struct sctp_assoc_reset_event {
    __u16 assocreset_type;
    __u16 assocreset_flags;
    __u32 assocreset_length;
    sctp_assoc_t assocreset_assoc_id;
    __u32 assocreset_local_tsn;
    __u32 assocreset_remote_tsn;
};
struct sctp_stream_change_event {
    __u16 strchange_type;
    __u16 strchange_flags;
    __u32 strchange_length;
    sctp_assoc_t strchange_assoc_id;
    __u16 strchange_instrms;
    __u16 strchange_outstrms;
};
#endif
#ifndef SCTP_STREAM_SCHEDULER /* 4.15 */
#define SCTP_STREAM_SCHEDULER 123
#define SCTP_STREAM_SCHEDULER_VALUE 124
struct sctp_stream_value {
    sctp_assoc_t assoc_id;
    uint16_t stream_id;
    uint16_t stream_value;
};
#endif
#ifndef SCTP_INTERLEAVING_SUPPORTED /* 4.16 */
#define SCTP_INTERLEAVING_SUPPORTED 125
struct sfi_pdapi_event {
    __u16 pdapi_type;
    __u16 pdapi_flags;
    __u32 pdapi_length;
    __u32 pdapi_indication;
    sctp_assoc_t pdapi_assoc_id;
    __u32 pdapi_stream;
    __u32 pdapi_seq;
};
#define sctp_pdapi_event sfi_pdapi_event
#endif
#ifndef SCTP_ASCONF_SUPPORTED /* 5.4 */
#define SCTP_ASCONF_SUPPORTED 128
#define SCTP_AUTH_SUPPORTED 129
#define SCTP_ECN_SUPPORTED 130
#endif
#ifndef SCTP_FUTURE_ASSOC /* 5.1 */
#define SCTP_FUTURE_ASSOC 0
#define SCTP_CURRENT_ASSOC 1
#define SCTP_ALL_ASSOC 2
#endif
#ifndef SCTP_EXPOSE_POTENTIALLY_FAILED_STATE /* 5.5 */
#define SCTP_EXPOSE_POTENTIALLY_FAILED_STATE 131
#define SCTP_PEER_ADDR_THLDS_V2 37
struct sctp_paddrthlds_v2 {
    sctp_assoc_t spt_assoc_id;
    struct sockaddr_storage spt_address;
    __u16 spt_pathmaxrxt;
    __u16 spt_pathpfthld;
    __u16 spt_pathcpthld;
};
#endif
#ifndef SCTP_PLPMTUD_PROBE_INTERVAL /* 5.14 */
#define SCTP_PLPMTUD_PROBE_INTERVAL 133
struct sctp_probeinterval {
    sctp_assoc_t spi_assoc_id;
    struct sockaddr_storage spi_address;
    __u32 spi_interval;
};
#endif
#ifndef SCTP_SOCKOPT_PEELOFF_FLAGS /* 4.13 */
#define SCTP_SOCKOPT_PEELOFF_FLAGS 122
typedef struct {
    sctp_peeloff_arg_t p_arg;
    unsigned flags;
} sctp_peeloff_flags_arg_t;
#endif

#endif
