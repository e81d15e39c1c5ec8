/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BASE_VERSION_H
#define BASE_VERSION_H

/*
 * Which program this is: three texts that live as long as the process.
 *
 * Only version.c reads the generated file behind them, so that a new commit
 * compiles one file.
 */
const char *version_number(void); /* "0.1.0" */
const char *version_commit(void); /* "0123456789ab"; "unknown-0123456789ab, WHY", of the sources */
const char *version_libraries(void); /* "mbedtls 3.6.6 libevent 2.1.13 …" */

#endif
