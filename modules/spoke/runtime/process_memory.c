/* SPDX-License-Identifier: Apache-2.0 */
/* Keeps volumes that lie in memory: where they are, and that they end with their pod. */

#include "base/beneath.h"
#include "runtime/process.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PARENT "/dev/shm/axle-%u"

/* Two agents on one machine may have pods of one name, in folders of their own. */
static uint32_t hash_of_pod(const struct process_pod *pod)
{
    uint32_t hash = 2166136261u;

    for (const char *at = pod->directory; *at; at++)
        hash = (hash ^ (unsigned char)*at) * 16777619u;
    return hash;
}

/* Every user may make files in /dev/shm: ours lie in a folder of mode 0700. A pod sees only
   what is mounted out of it. */
char *process_memory_volume(struct process_pod *pod, struct arena *arena, const char *volume,
                            struct err *err)
{
    char *parent = arena_printf(arena, PARENT, geteuid());
    struct stat st;

    if ((mkdir(parent, 0700) < 0 && errno != EEXIST) || lstat(parent, &st) < 0 ||
        !S_ISDIR(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) ||
        ((st.st_mode & 077) && chmod(parent, 0700) < 0)) {
        err_set(err, ERR_FORBIDDEN, "MountUnavailable: %s is not a folder of our own", parent);
        return NULL;
    }
    return arena_printf(arena, "%s/%s-%s-%08x", parent, pod->id, volume, hash_of_pod(pod));
}

/* By their names, whatever is known of the pod: also those of one that was adopted,
   or that an agent began to make and did not finish. */
void process_memory_delete(const struct process_pod *pod)
{
    scoped_mem char *parent = mem_printf(PARENT, geteuid());
    scoped_mem char *head = mem_printf("%s-", pod->id),
                    *tail = mem_printf("-%08x", hash_of_pod(pod));
    DIR *list = opendir(parent);

    for (struct dirent *e; list && (e = readdir(list));)
        if (text_starts(e->d_name, head) && text_ends(e->d_name, tail)) {
            scoped_mem char *path = mem_printf("%s/%s", parent, e->d_name);

            beneath_delete(AT_FDCWD, path);
        }
    if (list)
        closedir(list);
}
