/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_BANNED_H
#define BASE_BANNED_H

/*
 * Calls that no file may make; build.sh includes this before every file.
 *
 * Each is easy to get wrong, keeps a hidden state, or reaches the
 * world past the module that owns it. The comment names what to use instead.
 */
#include <alloca.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BANNED(name) this_call_of_##name##_is_banned_see_base_banned_h

/* clang-format off */
#undef alloca
#undef strncpy
#define strcpy(...)    BANNED(strcpy)     /* base/text.h */
#define strcat(...)    BANNED(strcat)
#define strncpy(...)   BANNED(strncpy)
#define strncat(...)   BANNED(strncat)
#define stpcpy(...)    BANNED(stpcpy)
#define sprintf(...)   BANNED(sprintf)    /* snprintf, base/text.h */
#define vsprintf(...)  BANNED(vsprintf)
#define gets(...)      BANNED(gets)
#define strtok(...)    BANNED(strtok)     /* strcspn */
#define strtok_r(...)  BANNED(strtok_r)
#define gmtime(...)    BANNED(gmtime)     /* base/clock.h, gmtime_r */
#define localtime(...) BANNED(localtime)
#define ctime(...)     BANNED(ctime)
#define asctime(...)   BANNED(asctime)
#define atoi(...)      BANNED(atoi)       /* strtol and where it ended */
#define atol(...)      BANNED(atol)
#define atoll(...)     BANNED(atoll)
#define atof(...)      BANNED(atof)
#define alloca(...)    BANNED(alloca)     /* base/mem.h */
#define tmpnam(...)    BANNED(tmpnam)     /* mkstemp */
#define tempnam(...)   BANNED(tempnam)
#define mktemp(...)    BANNED(mktemp)
#define rand(...)      BANNED(rand)       /* chance is base's */
#define srand(...)     BANNED(srand)
#define srandom(...)   BANNED(srandom)
#define popen(...)     BANNED(popen)      /* loop's child processes */
/* clang-format on */

#endif
