/* SPDX-License-Identifier: Apache-2.0 */
/* Says what the spoke's own administrator lets pods be and have. */

#include "runtime/runtime.h"

#include "base/text.h"
#include "number/number.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define IDS_FIRST 700000u
#define IDS_LAST 759999u
#define LAST_ID (UINT32_MAX - 1)
#define DISK (INT64_C(10) << 30)

/* ---- Ranges ------------------------------------------------------------------------ */

int runtime_range_read(const char *text, uint32_t least, uint32_t most, struct runtime_range *ret,
                       struct err *err)
{
    const char *dash = strchr(text, '-');
    scoped_mem char *head =
        dash ? mem_printf("%.*s", (int)(dash - text), text) : mem_copy_string(text);
    long long first, last;

    if (!text_to_int(head, &first) || !text_to_int(dash ? dash + 1 : head, &last))
        return err_set(err, ERR_INVALID, "\"%.60s\" is neither a number nor a range such as %u-%u",
                       text, least, most);
    if (first < (long long)least || last > (long long)most || first > last)
        return err_set(err, ERR_INVALID, "\"%.60s\" is not within %u-%u", text, least, most);
    *ret = (struct runtime_range){(uint32_t)first, (uint32_t)last};
    return 0;
}

static bool is_within(struct runtime_range range, uint32_t value)
{
    return value >= range.first && value <= range.last;
}

static void settle_range(struct runtime_range *range, uint32_t first, uint32_t last)
{
    if (!range->last)
        *range = (struct runtime_range){first, last};
}

int runtime_bounds_settle(struct runtime_bounds *bounds, struct err *err)
{
    struct runtime_range range;

    settle_range(&bounds->ids, IDS_FIRST, IDS_LAST);
    settle_range(&bounds->node_ports, 30000, 32767);
    settle_range(&bounds->host_ports, 1024, 65535);
    if (!bounds->disk)
        bounds->disk = DISK;
    if (!bounds->ids.first || bounds->ids.last > LAST_ID || bounds->ids.first > bounds->ids.last)
        return err_set(err, ERR_INVALID,
                       "user-base and user-count: ids %u to %u are not within "
                       "1-%u",
                       bounds->ids.first, bounds->ids.last, LAST_ID);
    for (size_t i = 0; bounds->allow_ids && bounds->allow_ids[i]; i++)
        if (runtime_range_read(bounds->allow_ids[i], 1, LAST_ID, &range, err) < 0)
            return err_wrap(err, "allow-ids");
    for (size_t i = 0; bounds->host_paths && bounds->host_paths[i]; i++)
        if (bounds->host_paths[i][0] != '/')
            return err_set(err, ERR_INVALID, "host-path: \"%.200s\" is not an absolute path",
                           bounds->host_paths[i]);
    return 0;
}

/* ---- Users and groups ---------------------------------------------------------------- */

static bool is_allowed_id(const struct runtime_bounds *bounds, uint32_t id)
{
    struct runtime_range range;

    for (size_t i = 0; bounds->allow_ids && bounds->allow_ids[i]; i++)
        if (runtime_range_read(bounds->allow_ids[i], 1, LAST_ID, &range, NULL) == 0 &&
            is_within(range, id))
            return true;
    return false;
}

int runtime_bounds_id(const struct runtime_bounds *bounds, uint32_t id, bool group, struct err *err)
{
    uint32_t own = group ? getegid() : geteuid();
    const char *what = group ? "gid" : "uid";

    if (!number_fits(NUMBER_USER, id))
        return err_set(err, ERR_INVALID, "%s %u is no id", what, id);
    if (geteuid() != 0)
        return id == own ? 0
                         : err_set(err, ERR_FORBIDDEN,
                                   "this spoke is not root: it runs everything "
                                   "as %s %u, and %u is another",
                                   what, own, id);
    if (id == 0)
        return bounds->allow_root ? 0
                                  : err_set(err, ERR_FORBIDDEN,
                                            "this spoke runs nothing as %s 0; its "
                                            "administrator could allow it with --allow-root",
                                            what);
    if (is_within(bounds->ids, id) || is_allowed_id(bounds, id))
        return 0;
    return err_set(err, ERR_FORBIDDEN,
                   "%s %u is not among this spoke's own %u-%u; its "
                   "administrator lists others with --allow-ids",
                   what, id, bounds->ids.first, bounds->ids.last);
}

/* ---- Capabilities ---------------------------------------------------------------------- */

/* By their numbers. `usual`: uid 0 has it unless it drops it; none of these writes
   beyond files of the pod, but DAC_OVERRIDE reads all that the machine shows. */
static const struct {
    const char *name;
    bool usual;
} capabilities[] = {
    {"CHOWN", true},
    {"DAC_OVERRIDE", true},
    {"DAC_READ_SEARCH", false},
    {"FOWNER", true},
    {"FSETID", true},
    {"KILL", true},
    {"SETGID", true},
    {"SETUID", true},
    {"SETPCAP", false},
    {"LINUX_IMMUTABLE", false},
    {"NET_BIND_SERVICE", true},
    {"NET_BROADCAST", false},
    {"NET_ADMIN", false},
    {"NET_RAW", false},
    {"IPC_LOCK", false},
    {"IPC_OWNER", false},
    {"SYS_MODULE", false},
    {"SYS_RAWIO", false},
    {"SYS_CHROOT", false},
    {"SYS_PTRACE", false},
    {"SYS_PACCT", false},
    {"SYS_ADMIN", false},
    {"SYS_BOOT", false},
    {"SYS_NICE", false},
    {"SYS_RESOURCE", false},
    {"SYS_TIME", false},
    {"SYS_TTY_CONFIG", false},
    {"MKNOD", false},
    {"LEASE", false},
    {"AUDIT_WRITE", false},
    {"AUDIT_CONTROL", false},
    {"SETFCAP", false},
    {"MAC_OVERRIDE", false},
    {"MAC_ADMIN", false},
    {"SYSLOG", false},
    {"WAKE_ALARM", false},
    {"BLOCK_SUSPEND", false},
    {"AUDIT_READ", false},
    {"PERFMON", false},
    {"BPF", false},
    {"CHECKPOINT_RESTORE", false},
};

int runtime_capability(const char *name)
{
    if (text_starts(name, "CAP_"))
        name += strlen("CAP_");
    for (size_t i = 0; i < count_of(capabilities); i++)
        if (!strcmp(capabilities[i].name, name))
            return (int)i;
    return -1;
}

const char *runtime_capability_name(int capability)
{
    return capability >= 0 && (size_t)capability < count_of(capabilities)
               ? capabilities[capability].name
               : NULL;
}

bool runtime_capability_is_usual(int capability)
{
    return capability >= 0 && (size_t)capability < count_of(capabilities) &&
           capabilities[capability].usual;
}
