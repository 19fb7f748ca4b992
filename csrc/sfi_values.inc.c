/*
 * sfi_values.inc.c - enumerations that stand inside options and notifications, to canonical numbers and back.
 *
 * Included by each backend after its pairs (sfi_pr_pairs, sfi_send_pairs, sfi_scheduler_pairs) and its functions
 * sfi_assoc_state and sfi_path_state.  The only place that walks those pairs; no stack's constant stands here.
 */

#define SFI_COUNT(pairs) (sizeof(pairs) / sizeof(pairs)[0])

static int64_t sfi_pair_native(const struct sfi_pair *pairs, size_t count, uint32_t canonical)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[i].canonical == canonical)
            return pairs[i].native;
    return -SFI_EABSENT;
}

/* The first pair wins where a stack has one number for two names. */
static uint32_t sfi_pair_canonical(const struct sfi_pair *pairs, size_t count, uint32_t native)
{
    for (size_t i = 0; i < count; i++)
        if (pairs[i].native == native)
            return pairs[i].canonical;
    return SFI_UNKNOWN | (native & 0xffff);
}

/* Flags go bit by bit; one that this stack lacks is refused on the way in and dropped on the way out. */
static int64_t sfi_send_flags_native(uint32_t flags)
{
    int64_t native = 0;

    for (size_t i = 0; i < SFI_COUNT(sfi_send_pairs); i++) {
        if (flags & sfi_send_pairs[i].canonical)
            native |= sfi_send_pairs[i].native;
        flags &= ~sfi_send_pairs[i].canonical;
    }
    return flags != 0 ? -SFI_EABSENT : native;
}

static uint32_t sfi_send_flags_canonical(uint32_t native)
{
    uint32_t flags = 0;

    for (size_t i = 0; i < SFI_COUNT(sfi_send_pairs); i++)
        if (native & sfi_send_pairs[i].native)
            flags |= sfi_send_pairs[i].canonical;
    return flags;
}

int64_t sfi_to_native(int kind, uint32_t value)
{
    switch (kind) {
    case SFI_VALUE_PR_POLICY:
        return sfi_pair_native(sfi_pr_pairs, SFI_COUNT(sfi_pr_pairs), value);
    case SFI_VALUE_SEND_FLAGS:
        return sfi_send_flags_native(value);
    case SFI_VALUE_SCHEDULER:
        return sfi_pair_native(sfi_scheduler_pairs, SFI_COUNT(sfi_scheduler_pairs), value);
    default:
        return -SFI_EABSENT; /* states are only read */
    }
}

uint32_t sfi_to_canonical(int kind, uint32_t value)
{
    switch (kind) {
    case SFI_VALUE_ASSOC_STATE:
        return sfi_assoc_state(value);
    case SFI_VALUE_PATH_STATE:
        return sfi_path_state(value);
    case SFI_VALUE_PR_POLICY:
        return sfi_pair_canonical(sfi_pr_pairs, SFI_COUNT(sfi_pr_pairs), value);
    case SFI_VALUE_SEND_FLAGS:
        return sfi_send_flags_canonical(value);
    case SFI_VALUE_SCHEDULER:
        return sfi_pair_canonical(sfi_scheduler_pairs, SFI_COUNT(sfi_scheduler_pairs), value);
    default:
        return SFI_UNKNOWN | (value & 0xffff);
    }
}
