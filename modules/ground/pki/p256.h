/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PKI_P256_H
#define PKI_P256_H

#include <mbedtls/ecp.h>

/*
 * Private to pki: what the linker puts in the place of mbedTLS' multiplication of points, and
 * that itself, which a test compares.
 */
int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *ret,
                                       const mbedtls_mpi *n, const mbedtls_ecp_point *p,
                                       mbedtls_f_rng_t *chance, void *arg,
                                       mbedtls_ecp_restart_ctx *restart);
int __real_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *ret,
                                       const mbedtls_mpi *n, const mbedtls_ecp_point *p,
                                       mbedtls_f_rng_t *chance, void *arg,
                                       mbedtls_ecp_restart_ctx *restart);
int __wrap_mbedtls_ecp_muladd_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *ret,
                                          const mbedtls_mpi *m, const mbedtls_ecp_point *p,
                                          const mbedtls_mpi *n, const mbedtls_ecp_point *q,
                                          mbedtls_ecp_restart_ctx *restart);
int __real_mbedtls_ecp_muladd_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *ret,
                                          const mbedtls_mpi *m, const mbedtls_ecp_point *p,
                                          const mbedtls_mpi *n, const mbedtls_ecp_point *q,
                                          mbedtls_ecp_restart_ctx *restart);

#endif
