"""Layout of the structs in each stack's sctp.h: size and the offset of every field, on 64-bit machines.

Pure data, read by tests/abi only: the library lets the compiler place fields. "bsd" is FreeBSD and usrsctp,
"all" is every stack; an entry of a stack's own name wins. A struct that a header lacks has no entry.
"""

from __future__ import annotations

from typing import Dict, Tuple

STRUCTS: Dict[str, Dict[str, Tuple[int, str]]] = {
    "sctp_initmsg": {
        "all": (8, "sinit_num_ostreams@0 sinit_max_instreams@2 sinit_max_attempts@4 sinit_max_init_timeo@6"),
    },
    "sctp_sndrcvinfo": {
        "linux": (
            32,
            "sinfo_stream@0 sinfo_ssn@2 sinfo_flags@4 sinfo_ppid@8 sinfo_context@12 sinfo_timetolive@16 "
            "sinfo_tsn@20 sinfo_cumtsn@24 sinfo_assoc_id@28",
        ),
        "freebsd": (
            128,
            "sinfo_stream@0 sinfo_ssn@2 sinfo_flags@4 sinfo_ppid@8 sinfo_context@12 sinfo_timetolive@16 "
            "sinfo_tsn@20 sinfo_cumtsn@24 sinfo_assoc_id@28 sinfo_keynumber@32 sinfo_keynumber_valid@34",
        ),
    },
    "sctp_extrcvinfo": {
        "freebsd": (
            128,
            "sinfo_stream@0 sinfo_ssn@2 sinfo_flags@4 sinfo_ppid@8 sinfo_context@12 sinfo_timetolive@16 "
            "sinfo_tsn@20 sinfo_cumtsn@24 sinfo_assoc_id@28 serinfo_next_flags@32 serinfo_next_stream@34 "
            "serinfo_next_aid@36 serinfo_next_length@40 serinfo_next_ppid@44 sinfo_keynumber@48 "
            "sinfo_keynumber_valid@50",
        ),
    },
    "sctp_sndinfo": {
        "all": (16, "snd_sid@0 snd_flags@2 snd_ppid@4 snd_context@8 snd_assoc_id@12"),
    },
    "sctp_rcvinfo": {
        "all": (
            28,
            "rcv_sid@0 rcv_ssn@2 rcv_flags@4 rcv_ppid@8 rcv_tsn@12 rcv_cumtsn@16 rcv_context@20 rcv_assoc_id@24",
        ),
    },
    "sctp_nxtinfo": {
        "all": (16, "nxt_sid@0 nxt_flags@2 nxt_ppid@4 nxt_length@8 nxt_assoc_id@12"),
    },
    "sctp_prinfo": {
        "all": (8, "pr_policy@0 pr_value@4"),
    },
    "sctp_authinfo": {
        "all": (2, "auth_keynumber@0"),
    },
    "sctp_sendv_spa": {
        "bsd": (32, "sendv_flags@0 sendv_sndinfo@4 sendv_prinfo@20 sendv_authinfo@28"),
    },
    "sctp_recvv_rn": {
        "bsd": (44, "recvv_rcvinfo@0 recvv_nxtinfo@28"),
    },
    "sctp_status": {
        "all": (
            176,
            "sstat_assoc_id@0 sstat_state@4 sstat_rwnd@8 sstat_unackdata@12 sstat_penddata@14 "
            "sstat_instrms@16 sstat_outstrms@18 sstat_fragmentation_point@20 sstat_primary@24",
        ),
    },
    "sctp_paddrinfo": {
        "linux": (
            152,
            "spinfo_assoc_id@0 spinfo_address@4 spinfo_state@132 spinfo_cwnd@136 spinfo_srtt@140 "
            "spinfo_rto@144 spinfo_mtu@148",
        ),
        "bsd": (
            152,
            "spinfo_address@0 spinfo_assoc_id@128 spinfo_state@132 spinfo_cwnd@136 spinfo_srtt@140 "
            "spinfo_rto@144 spinfo_mtu@148",
        ),
    },
    "sctp_paddrparams": {
        "linux": (
            156,
            "spp_assoc_id@0 spp_address@4 spp_hbinterval@132 spp_pathmaxrxt@136 spp_pathmtu@138 "
            "spp_sackdelay@142 spp_flags@146 spp_ipv6_flowlabel@150 spp_dscp@154",
        ),
        "bsd": (
            152,
            "spp_address@0 spp_assoc_id@128 spp_hbinterval@132 spp_pathmtu@136 spp_flags@140 "
            "spp_ipv6_flowlabel@144 spp_pathmaxrxt@148 spp_dscp@150",
        ),
    },
    "sctp_rtoinfo": {
        "all": (16, "srto_assoc_id@0 srto_initial@4 srto_max@8 srto_min@12"),
    },
    "sctp_assocparams": {
        "linux": (
            20,
            "sasoc_assoc_id@0 sasoc_asocmaxrxt@4 sasoc_number_peer_destinations@6 sasoc_peer_rwnd@8 "
            "sasoc_local_rwnd@12 sasoc_cookie_life@16",
        ),
        "bsd": (
            20,
            "sasoc_assoc_id@0 sasoc_peer_rwnd@4 sasoc_local_rwnd@8 sasoc_cookie_life@12 sasoc_asocmaxrxt@16 "
            "sasoc_number_peer_destinations@18",
        ),
    },
    "sctp_prim": {
        "linux": (132, "ssp_assoc_id@0 ssp_addr@4"),
    },
    "sctp_setprim": {
        "bsd": (136, "ssp_addr@0 ssp_assoc_id@128 ssp_padding@132"),
    },
    "sctp_setpeerprim": {
        "linux": (132, "sspp_assoc_id@0 sspp_addr@4"),
        "bsd": (136, "sspp_addr@0 sspp_assoc_id@128 sspp_padding@132"),
    },
    "sctp_setadaptation": {
        "all": (4, "ssb_adaptation_ind@0"),
    },
    "sctp_event": {
        "all": (8, "se_assoc_id@0 se_type@4 se_on@6"),
    },
    "sctp_event_subscribe": {
        "linux": (
            14,
            "sctp_data_io_event@0 sctp_association_event@1 sctp_address_event@2 sctp_send_failure_event@3 "
            "sctp_peer_error_event@4 sctp_shutdown_event@5 sctp_partial_delivery_event@6 "
            "sctp_adaptation_layer_event@7 sctp_authentication_event@8 sctp_sender_dry_event@9 "
            "sctp_stream_reset_event@10 sctp_assoc_reset_event@11 sctp_stream_change_event@12 "
            "sctp_send_failure_event_event@13",
        ),
        "bsd": (
            11,
            "sctp_data_io_event@0 sctp_association_event@1 sctp_address_event@2 sctp_send_failure_event@3 "
            "sctp_peer_error_event@4 sctp_shutdown_event@5 sctp_partial_delivery_event@6 "
            "sctp_adaptation_layer_event@7 sctp_authentication_event@8 sctp_sender_dry_event@9 "
            "sctp_stream_reset_event@10",
        ),
    },
    "sctp_assoc_value": {
        "all": (8, "assoc_id@0 assoc_value@4"),
    },
    "sctp_stream_value": {
        "all": (8, "assoc_id@0 stream_id@4 stream_value@6"),
    },
    "sctp_default_prinfo": {
        "linux": (12, "pr_assoc_id@0 pr_value@4 pr_policy@8"),
        "bsd": (12, "pr_policy@0 pr_value@4 pr_assoc_id@8"),
    },
    "sctp_sack_info": {
        "all": (12, "sack_assoc_id@0 sack_delay@4 sack_freq@8"),
    },
    "sctp_authchunk": {
        "all": (1, "sauth_chunk@0"),
    },
    "sctp_hmacalgo": {
        "linux": (4, "shmac_num_idents@0 shmac_idents@4"),
        "bsd": (4, "shmac_number_of_idents@0 shmac_idents@4"),
    },
    "sctp_authkey": {
        "all": (8, "sca_assoc_id@0 sca_keynumber@4 sca_keylength@6 sca_key@8"),
    },
    "sctp_authkeyid": {
        "all": (8, "scact_assoc_id@0 scact_keynumber@4"),
    },
    "sctp_authchunks": {
        "linux": (8, "gauth_assoc_id@0 gauth_number_of_chunks@4 gauth_chunks@8"),
        "freebsd": (8, "gauth_assoc_id@0 gauth_number_of_chunks@4 gauth_chunks@8"),
        "usrsctp": (4, "gauth_assoc_id@0 gauth_chunks@4"),
    },
    "sctp_assoc_ids": {
        "all": (4, "gaids_number_of_ids@0 gaids_assoc_id@4"),
    },
    "sctp_reset_streams": {
        "all": (8, "srs_assoc_id@0 srs_flags@4 srs_number_streams@6 srs_stream_list@8"),
    },
    "sctp_add_streams": {
        "all": (8, "sas_assoc_id@0 sas_instrms@4 sas_outstrms@6"),
    },
    "sctp_udpencaps": {
        "linux": (144, "sue_assoc_id@0 sue_address@8 sue_port@136"),
        "bsd": (136, "sue_address@0 sue_assoc_id@128 sue_port@132"),
    },
    "sctp_paddrthlds": {
        "linux": (144, "spt_assoc_id@0 spt_address@8 spt_pathmaxrxt@136 spt_pathpfthld@138"),
        "freebsd": (144, "spt_address@0 spt_assoc_id@128 spt_pathmaxrxt@132 spt_pathpfthld@134 spt_pathcpthld@136"),
    },
    "sctp_paddrthlds_v2": {
        "linux": (144, "spt_assoc_id@0 spt_address@8 spt_pathmaxrxt@136 spt_pathpfthld@138 spt_pathcpthld@140"),
    },
    "sctp_probeinterval": {
        "linux": (144, "spi_assoc_id@0 spi_address@8 spi_interval@136"),
    },
    "sctp_prstatus": {
        "all": (
            24,
            "sprstat_assoc_id@0 sprstat_sid@4 sprstat_policy@6 sprstat_abandoned_unsent@8 sprstat_abandoned_sent@16",
        ),
    },
    "sctp_assoc_stats": {
        "linux": (
            256,
            "sas_assoc_id@0 sas_obs_rto_ipaddr@8 sas_maxrto@136 sas_isacks@144 sas_osacks@152 "
            "sas_opackets@160 sas_ipackets@168 sas_rtxchunks@176 sas_outofseqtsns@184 sas_idupchunks@192 "
            "sas_gapcnt@200 sas_ouodchunks@208 sas_iuodchunks@216 sas_oodchunks@224 sas_iodchunks@232 "
            "sas_octrlchunks@240 sas_ictrlchunks@248",
        ),
    },
    "sctp_getaddrs": {
        "linux": (8, "assoc_id@0 addr_num@4 addrs@8"),
    },
    "sctp_getaddrs_old": {
        "linux": (16, "assoc_id@0 addr_num@4 addrs@8"),
    },
    "sctp_cc_option": {
        "bsd": (12, "option@0 aid_value@4"),
    },
    "sctp_timeouts": {
        "bsd": (
            32,
            "stimo_assoc_id@0 stimo_init@4 stimo_data@8 stimo_sack@12 stimo_shutdown@16 stimo_heartbeat@20 "
            "stimo_cookie@24 stimo_shutdownack@28",
        ),
    },
    "sctp_sockstat": {
        "freebsd": (12, "ss_assoc_id@0 ss_total_sndbuf@4 ss_total_recv_buf@8"),
    },
    "sctp_get_nonce_values": {
        "bsd": (12, "gn_assoc_id@0 gn_peers_tag@4 gn_local_tag@8"),
    },
    "sctp_snd_all_completes": {
        "bsd": (20, "sall_stream@0 sall_flags@2 sall_ppid@4 sall_context@8 sall_num_sent@12 sall_num_failed@16"),
    },
    "sctp_tlv": {
        "bsd": (8, "sn_type@0 sn_flags@2 sn_length@4"),
    },
    "sctp_assoc_change": {
        "all": (
            20,
            "sac_type@0 sac_flags@2 sac_length@4 sac_state@8 sac_error@10 sac_outbound_streams@12 "
            "sac_inbound_streams@14 sac_assoc_id@16 sac_info@20",
        ),
    },
    "sctp_paddr_change": {
        "linux": (
            148,
            "spc_type@0 spc_flags@2 spc_length@4 spc_aaddr@8 spc_state@136 spc_error@140 spc_assoc_id@144",
        ),
        "freebsd": (
            152,
            "spc_type@0 spc_flags@2 spc_length@4 spc_aaddr@8 spc_state@136 spc_error@140 spc_assoc_id@144",
        ),
        "usrsctp": (
            152,
            "spc_type@0 spc_flags@2 spc_length@4 spc_aaddr@8 spc_state@136 spc_error@140 spc_assoc_id@144 "
            "spc_padding@148",
        ),
    },
    "sctp_remote_error": {
        "all": (16, "sre_type@0 sre_flags@2 sre_length@4 sre_error@8 sre_assoc_id@12 sre_data@16"),
    },
    "sctp_send_failed": {
        "linux": (48, "ssf_type@0 ssf_flags@2 ssf_length@4 ssf_error@8 ssf_info@12 ssf_assoc_id@44 ssf_data@48"),
        "freebsd": (144, "ssf_type@0 ssf_flags@2 ssf_length@4 ssf_error@8 ssf_info@12 ssf_assoc_id@140 ssf_data@144"),
    },
    "sctp_send_failed_event": {
        "linux": (32, "ssf_type@0 ssf_flags@2 ssf_length@4 ssf_error@8 ssfe_info@12 ssf_assoc_id@28 ssf_data@32"),
        "bsd": (32, "ssfe_type@0 ssfe_flags@2 ssfe_length@4 ssfe_error@8 ssfe_info@12 ssfe_assoc_id@28 ssfe_data@32"),
    },
    "sctp_shutdown_event": {
        "all": (12, "sse_type@0 sse_flags@2 sse_length@4 sse_assoc_id@8"),
    },
    "sctp_adaptation_event": {
        "all": (16, "sai_type@0 sai_flags@2 sai_length@4 sai_adaptation_ind@8 sai_assoc_id@12"),
    },
    "sctp_pdapi_event": {
        "linux": (
            24,
            "pdapi_type@0 pdapi_flags@2 pdapi_length@4 pdapi_indication@8 pdapi_assoc_id@12 pdapi_stream@16 "
            "pdapi_seq@20",
        ),
        "freebsd": (
            20,
            "pdapi_type@0 pdapi_flags@2 pdapi_length@4 pdapi_indication@8 pdapi_stream@12 pdapi_seq@14 "
            "pdapi_assoc_id@16",
        ),
        "usrsctp": (
            24,
            "pdapi_type@0 pdapi_flags@2 pdapi_length@4 pdapi_indication@8 pdapi_stream@12 pdapi_seq@16 "
            "pdapi_assoc_id@20",
        ),
    },
    "sctp_authkey_event": {
        "linux": (
            20,
            "auth_type@0 auth_flags@2 auth_length@4 auth_keynumber@8 auth_altkeynumber@10 auth_indication@12 "
            "auth_assoc_id@16",
        ),
        "freebsd": (
            20,
            "auth_type@0 auth_flags@2 auth_length@4 auth_keynumber@8 auth_altkeynumber@10 auth_indication@12 "
            "auth_assoc_id@16",
        ),
        "usrsctp": (
            20,
            "auth_type@0 auth_flags@2 auth_length@4 auth_keynumber@8 auth_indication@12 auth_assoc_id@16",
        ),
    },
    "sctp_sender_dry_event": {
        "all": (12, "sender_dry_type@0 sender_dry_flags@2 sender_dry_length@4 sender_dry_assoc_id@8"),
    },
    "sctp_stream_reset_event": {
        "all": (12, "strreset_type@0 strreset_flags@2 strreset_length@4 strreset_assoc_id@8 strreset_stream_list@12"),
    },
    "sctp_assoc_reset_event": {
        "all": (
            20,
            "assocreset_type@0 assocreset_flags@2 assocreset_length@4 assocreset_assoc_id@8 "
            "assocreset_local_tsn@12 assocreset_remote_tsn@16",
        ),
    },
    "sctp_stream_change_event": {
        "all": (
            16,
            "strchange_type@0 strchange_flags@2 strchange_length@4 strchange_assoc_id@8 strchange_instrms@12 "
            "strchange_outstrms@14",
        ),
    },
}

# What csrc/sfi_bsd.inc.c declares itself, because usrsctp.h lacks it or shows another layout than the stack uses: each
# is laid out as FreeBSD's struct of the name on the right.
STAND_INS: Dict[str, str] = {
    "sfi_authchunks": "sctp_authchunks",
    "sfi_paddrthlds": "sctp_paddrthlds",
    "sfi_sockstat": "sctp_sockstat",
    "sfi_pdapi": "sctp_pdapi_event",
}


def layout(name: str, backend: str) -> Tuple[int, Dict[str, int]] | None:
    """Size and field offsets of a struct on a backend, or None where its header lacks it."""
    if name in STAND_INS:
        return None if backend == "linux" else layout(STAND_INS[name], "freebsd")
    rows = STRUCTS[name]
    row = rows.get(backend) or (rows.get("bsd") if backend != "linux" else None) or rows.get("all")
    if row is None:
        return None
    size, text = row
    fields = (item.split("@") for item in text.split())
    return size, {field: int(offset) for field, offset in fields}
