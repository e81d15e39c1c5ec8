/* SPDX-License-Identifier: Apache-2.0 */
#ifndef DESCRIPTORS_H
#define DESCRIPTORS_H

#include <dirent.h>
#include <stddef.h>

/* How many descriptors this process has open: none may stay after what opened it. */
static size_t count_descriptors(void)
{
    DIR *list = opendir("/proc/self/fd");
    size_t count = 0;

    while (list && readdir(list))
        count++;
    if (list)
        closedir(list);
    return count;
}

#endif
