/*
 * sfi_counters.inc.c - the counters of FreeBSD's stack and usrsctp as text, a name and a number a line.
 *
 * The names are those of struct sctpstat without its prefix; what they mean stands in <netinet/sctp_uio.h>.  How the
 * struct is had is each backend's own business.
 */
#include <stddef.h>

#define SFI_STAT(name) {#name, offsetof(struct sctpstat, sctps_##name)}

static const struct {
    const char *name;
    size_t offset;
} sfi_stats[] = {
    SFI_STAT(currestab), SFI_STAT(activeestab), SFI_STAT(restartestab), SFI_STAT(collisionestab),
    SFI_STAT(passiveestab), SFI_STAT(aborted), SFI_STAT(shutdown), SFI_STAT(outoftheblue), SFI_STAT(checksumerrors),
    SFI_STAT(outcontrolchunks), SFI_STAT(outorderchunks), SFI_STAT(outunorderchunks), SFI_STAT(incontrolchunks),
    SFI_STAT(inorderchunks), SFI_STAT(inunorderchunks), SFI_STAT(fragusrmsgs), SFI_STAT(reasmusrmsgs),
    SFI_STAT(outpackets), SFI_STAT(inpackets), SFI_STAT(recvpackets), SFI_STAT(recvdatagrams),
    SFI_STAT(recvpktwithdata), SFI_STAT(recvsacks), SFI_STAT(recvdata), SFI_STAT(recvdupdata),
    SFI_STAT(recvheartbeat), SFI_STAT(recvheartbeatack), SFI_STAT(recvecne), SFI_STAT(recvauth),
    SFI_STAT(recvauthmissing), SFI_STAT(recvivalhmacid), SFI_STAT(recvivalkeyid), SFI_STAT(recvauthfailed),
    SFI_STAT(recvexpress), SFI_STAT(recvexpressm), SFI_STAT(recvswcrc), SFI_STAT(recvhwcrc), SFI_STAT(sendpackets),
    SFI_STAT(sendsacks), SFI_STAT(senddata), SFI_STAT(sendretransdata), SFI_STAT(sendfastretrans),
    SFI_STAT(sendmultfastretrans), SFI_STAT(sendheartbeat), SFI_STAT(sendecne), SFI_STAT(sendauth),
    SFI_STAT(senderrors), SFI_STAT(sendswcrc), SFI_STAT(sendhwcrc), SFI_STAT(pdrpfmbox), SFI_STAT(pdrpfehos),
    SFI_STAT(pdrpmbda), SFI_STAT(pdrpmbct), SFI_STAT(pdrpbwrpt), SFI_STAT(pdrpcrupt), SFI_STAT(pdrpnedat),
    SFI_STAT(pdrppdbrk), SFI_STAT(pdrptsnnf), SFI_STAT(pdrpdnfnd), SFI_STAT(pdrpdiwnp), SFI_STAT(pdrpdizrw),
    SFI_STAT(pdrpbadd), SFI_STAT(pdrpmark), SFI_STAT(timoiterator), SFI_STAT(timodata), SFI_STAT(timowindowprobe),
    SFI_STAT(timoinit), SFI_STAT(timosack), SFI_STAT(timoshutdown), SFI_STAT(timoheartbeat), SFI_STAT(timocookie),
    SFI_STAT(timosecret), SFI_STAT(timopathmtu), SFI_STAT(timoshutdownack), SFI_STAT(timoshutdownguard),
    SFI_STAT(timostrmrst), SFI_STAT(timoearlyfr), SFI_STAT(timoasconf), SFI_STAT(timodelprim),
    SFI_STAT(timoautoclose), SFI_STAT(timoassockill), SFI_STAT(timoinpkill), SFI_STAT(hdrops), SFI_STAT(badsum),
    SFI_STAT(noport), SFI_STAT(badvtag), SFI_STAT(badsid), SFI_STAT(nomem), SFI_STAT(fastretransinrtt),
    SFI_STAT(markedretrans), SFI_STAT(naglesent), SFI_STAT(naglequeued), SFI_STAT(maxburstqueued),
    SFI_STAT(ifnomemqueued), SFI_STAT(windowprobed), SFI_STAT(lowlevelerr), SFI_STAT(lowlevelerrusr),
    SFI_STAT(datadropchklmt), SFI_STAT(datadroprwnd), SFI_STAT(ecnereducedcwnd), SFI_STAT(vtagexpress),
    SFI_STAT(vtagbogus), SFI_STAT(primary_randry), SFI_STAT(cmt_randry), SFI_STAT(slowpath_sack),
    SFI_STAT(wu_sacks_sent), SFI_STAT(sends_with_flags), SFI_STAT(sends_with_unord), SFI_STAT(sends_with_eof),
    SFI_STAT(sends_with_abort), SFI_STAT(protocol_drain_calls), SFI_STAT(protocol_drains_done), SFI_STAT(read_peeks),
    SFI_STAT(cached_chk), SFI_STAT(cached_strmoq), SFI_STAT(left_abandon), SFI_STAT(send_burst_avoid),
    SFI_STAT(send_cwnd_avoid), SFI_STAT(fwdtsn_map_over), SFI_STAT(queue_upd_ecne),
};

static int sfi_write_counters(const struct sctpstat *stat, char *text, size_t size)
{
    size_t used = 0;

    for (size_t i = 0; i < sizeof sfi_stats / sizeof sfi_stats[0]; i++) {
        uint32_t value;
        int n;

        memcpy(&value, (const char *)stat + sfi_stats[i].offset, sizeof value);
        n = snprintf(used < size ? text + used : NULL, used < size ? size - used : 0, "%s %u\n", sfi_stats[i].name,
                     (unsigned)value);
        if (n < 0)
            return -EIO;
        used += (size_t)n;
    }
    return (int)used;
}
