/* SPDX-License-Identifier: Apache-2.0 */
/* Points of P-256 are multiplied as mbedTLS multiplies them, at the edges too, and faster. */
#include "base/clock.h"
#include "base/mem.h"
#include "check.h"
#include "pki/internal.h"
#include "pki/p256.h"

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include <string.h>

static mbedtls_ecp_group group;

static bool points_are_same(const mbedtls_ecp_point *a, const mbedtls_ecp_point *b)
{
    return mbedtls_ecp_point_cmp(a, b) == 0;
}

/* Below the order, and not 0. */
static void choose_scalar(mbedtls_mpi *ret)
{
    do {
        mbedtls_mpi_fill_random(ret, 32, pki_chance, NULL);
        mbedtls_mpi_mod_mpi(ret, ret, &group.N);
    } while (mbedtls_mpi_cmp_int(ret, 0) == 0);
}

/* The order less `less`, for less > 0; else -less. */
static void edge_scalar(mbedtls_mpi *ret, int less)
{
    if (less > 0)
        mbedtls_mpi_sub_int(ret, &group.N, less);
    else
        mbedtls_mpi_lset(ret, -less);
}

struct points {
    mbedtls_ecp_point p, q, ours, theirs;
    mbedtls_mpi m, n;
};

static void points_open(struct points *points)
{
    mbedtls_ecp_point_init(&points->p);
    mbedtls_ecp_point_init(&points->q);
    mbedtls_ecp_point_init(&points->ours);
    mbedtls_ecp_point_init(&points->theirs);
    mbedtls_mpi_init(&points->m);
    mbedtls_mpi_init(&points->n);
}

static void points_close(struct points *points)
{
    mbedtls_ecp_point_free(&points->p);
    mbedtls_ecp_point_free(&points->q);
    mbedtls_ecp_point_free(&points->ours);
    mbedtls_ecp_point_free(&points->theirs);
    mbedtls_mpi_free(&points->m);
    mbedtls_mpi_free(&points->n);
}

/* n * p; both ways answer alike, and with the same point. */
static bool multiply_is_same(struct points *s, const mbedtls_ecp_point *p)
{
    int ours =
        __wrap_mbedtls_ecp_mul_restartable(&group, &s->ours, &s->n, p, pki_chance, NULL, NULL);
    int theirs =
        __real_mbedtls_ecp_mul_restartable(&group, &s->theirs, &s->n, p, pki_chance, NULL, NULL);

    return ours == theirs && (ours || points_are_same(&s->ours, &s->theirs));
}

/* m * p + n * q */
static bool sum_is_same(struct points *s, const mbedtls_ecp_point *p, const mbedtls_ecp_point *q)
{
    int ours = __wrap_mbedtls_ecp_muladd_restartable(&group, &s->ours, &s->m, p, &s->n, q, NULL);
    int theirs =
        __real_mbedtls_ecp_muladd_restartable(&group, &s->theirs, &s->m, p, &s->n, q, NULL);

    if (ours == theirs && !ours && mbedtls_ecp_is_zero(&s->ours))
        return mbedtls_ecp_is_zero(&s->theirs);
    return ours == theirs && (ours || points_are_same(&s->ours, &s->theirs));
}

static void check_edges(void)
{
    struct points s;
    int wrong = 0;

    points_open(&s);
    choose_scalar(&s.n);
    CHECK(multiply_is_same(&s, &group.G), "a multiple of the base point");
    mbedtls_ecp_copy(&s.p, &s.theirs);
    for (int less = -40; less <= 40; less++) {
        edge_scalar(&s.n, less);
        wrong += !multiply_is_same(&s, &group.G) + !multiply_is_same(&s, &s.p);
    }
    CHECK_INT(wrong, 0, "scalars beside 0 and the order, and those that are refused");
    for (int bit = 0; bit < 257; bit++) {
        mbedtls_mpi_lset(&s.n, 1);
        mbedtls_mpi_shift_l(&s.n, (size_t)bit);
        wrong += !multiply_is_same(&s, &group.G) + !multiply_is_same(&s, &s.p);
        mbedtls_mpi_sub_int(&s.n, &s.n, 1);
        wrong += !multiply_is_same(&s, &group.G) + !multiply_is_same(&s, &s.p);
    }
    CHECK_INT(wrong, 0, "single bits, and all bits below one");
    /* Sums of a point with itself, with its inverse, with nothing. */
    for (int i = -3; i <= 3; i++)
        for (int k = -3; k <= 3; k++) {
            edge_scalar(&s.m, i);
            edge_scalar(&s.n, k);
            wrong += !sum_is_same(&s, &group.G, &group.G) + !sum_is_same(&s, &s.p, &s.p) +
                     !sum_is_same(&s, &group.G, &s.p);
        }
    CHECK_INT(wrong, 0, "sums that are infinity, or of equal points");
    mbedtls_mpi_add_int(&s.p.MBEDTLS_PRIVATE(X), &s.p.MBEDTLS_PRIVATE(X), 1);
    mbedtls_mpi_lset(&s.n, 5);
    CHECK(__wrap_mbedtls_ecp_mul_restartable(&group, &s.ours, &s.n, &s.p, pki_chance, NULL, NULL) ==
              MBEDTLS_ERR_ECP_INVALID_KEY,
          "a point that is not on the curve is refused");
    points_close(&s);
}

static void check_many(void)
{
    struct points s;
    int wrong = 0;

    points_open(&s);
    for (int i = 0; i < 150; i++) {
        choose_scalar(&s.n);
        wrong += !multiply_is_same(&s, &group.G);
        mbedtls_ecp_copy(&s.p, &s.theirs);
        choose_scalar(&s.n);
        wrong += !multiply_is_same(&s, &s.p);
        mbedtls_ecp_copy(&s.q, &s.theirs);
        choose_scalar(&s.m);
        wrong += !sum_is_same(&s, &group.G, &s.q) + !sum_is_same(&s, &s.p, &s.q);
        /* In place, as some callers do. */
        __real_mbedtls_ecp_mul_restartable(&group, &s.theirs, &s.n, &s.p, pki_chance, NULL, NULL);
        __wrap_mbedtls_ecp_mul_restartable(&group, &s.p, &s.n, &s.p, pki_chance, NULL, NULL);
        wrong += !points_are_same(&s.p, &s.theirs);
    }
    CHECK_INT(wrong, 0, "any scalars and any points");
    points_close(&s);
}

/* What is printed is for people; that the linker has put ours in place is checked. */
static void check_place(void)
{
    struct points s;
    int64_t began, ours, theirs;

    points_open(&s);
    choose_scalar(&s.n);
    began = clock_steady();
    for (int i = 0; i < 20; i++)
        multiply_is_same(&s, &group.G);
    ours = theirs = 0;
    mbedtls_ecp_copy(&s.p, &s.theirs);
    for (int i = 0; i < 20; i++) {
        began = clock_steady();
        __wrap_mbedtls_ecp_mul_restartable(&group, &s.ours, &s.n, &s.p, pki_chance, NULL, NULL);
        ours += clock_steady() - began;
        began = clock_steady();
        __real_mbedtls_ecp_mul_restartable(&group, &s.ours, &s.n, &s.p, pki_chance, NULL, NULL);
        theirs += clock_steady() - began;
    }
    printf("# a multiplication takes %lld us, and mbedTLS %lld\n", (long long)ours / 20000,
           (long long)theirs / 20000);
    CHECK(mbedtls_ecp_mul_restartable == __wrap_mbedtls_ecp_mul_restartable &&
              mbedtls_ecp_muladd_restartable == __wrap_mbedtls_ecp_muladd_restartable,
          "mbedTLS multiplies with these");
    points_close(&s);
}

int main(void)
{
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1);
    check_edges();
    check_many();
    check_place();
    mbedtls_ecp_group_free(&group);
    return check_done();
}
