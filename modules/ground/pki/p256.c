/* SPDX-License-Identifier: Apache-2.0 */
/* Multiplies points of the curve P-256, in place of mbedTLS' own way for any curve. */
#include "pki/p256.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/*
 * Nine tenths of a handshake is multiplying points of this one curve, and mbedTLS does it with
 * numbers of any length. Here a number is four words, modulo a prime that is known, in
 * Montgomery's form (a number x is kept as x * 2^256), so that nothing is divided.
 *
 * No branch and no address hangs on a scalar or on a coordinate: tables are read whole. The
 * formulas for adding and doubling are complete, so that there is no special case for a point
 * and itself, its inverse or infinity (J. Renes, C. Costello, L. Batina: Complete addition
 * formulas for prime order elliptic curves, 2016, algorithms 4 and 6).
 *
 * The linker puts these two functions before mbedTLS' of the same name (--wrap in build.sh);
 * other curves, and what is not in normal form, go on to those.
 */

typedef unsigned __int128 wide;

/* ---- Numbers modulo p = 2^256 - 2^224 + 2^192 + 2^96 - 1 -------------------------------- */

struct field {
    uint64_t word[4]; /* the lowest first; always below p */
};

struct projective {
    struct field x, y, z; /* stands for (x/z, y/z); z = 0 is infinity */
};

static const struct field field_p = {
    {0xffffffffffffffff, 0x00000000ffffffff, 0x0000000000000000, 0xffffffff00000001}};
/* In Montgomery's form: 1, 2^256, and the curve's b. */
static const struct field field_one = {
    {0x0000000000000001, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe}};
static const struct field field_shift = {
    {0x0000000000000003, 0xfffffffbffffffff, 0xfffffffffffffffe, 0x00000004fffffffd}};
static const struct field curve_b = {
    {0xd89cdf6229c4bddf, 0xacf005cd78843090, 0xe5a220abf7212ed6, 0xdc30061d04874834}};

/* a - b - *borrow, and what is borrowed by that. The compiler makes one instruction of it. */
static inline uint64_t subtract_word(uint64_t a, uint64_t b, uint64_t *borrow)
{
    uint64_t part, ret;
    bool first = __builtin_sub_overflow(a, b, &part);
    bool second = __builtin_sub_overflow(part, *borrow, &ret);

    *borrow = first | second;
    return ret;
}

static inline uint64_t add_word(uint64_t a, uint64_t b, uint64_t *carry)
{
    uint64_t part, ret;
    bool first = __builtin_add_overflow(a, b, &part);
    bool second = __builtin_add_overflow(part, *carry, &ret);

    *carry = first | second;
    return ret;
}

/* `top` * 2^256 + the words, which is below 2p, modulo p. */
__attribute__((always_inline)) static inline struct field reduce_once(const uint64_t word[4],
                                                                      uint64_t top)
{
    struct field ret;
    uint64_t less[4], borrow = 0, keep;

#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        less[i] = subtract_word(word[i], field_p.word[i], &borrow);
    keep = -(uint64_t)(top < borrow); /* all ones: it was below p */
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        ret.word[i] = (word[i] & keep) | (less[i] & ~keep);
    return ret;
}

static struct field add_fields(struct field a, struct field b)
{
    uint64_t sum[4], carry = 0;

#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        sum[i] = add_word(a.word[i], b.word[i], &carry);
    return reduce_once(sum, carry);
}

static struct field subtract_fields(struct field a, struct field b)
{
    struct field ret;
    uint64_t borrow = 0, carry = 0, mask;

#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        ret.word[i] = subtract_word(a.word[i], b.word[i], &borrow);
    mask = -borrow;
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++)
        ret.word[i] = add_word(ret.word[i], field_p.word[i] & mask, &carry);
    return ret;
}

/*
 * a * b / 2^256. After each word of b, so much of p is added that the lowest word is 0, and is
 * dropped. That is p times the lowest word itself, because p is -1 modulo 2^64.
 */
static struct field multiply_fields(struct field a, struct field b)
{
    uint64_t t[5] = {0};

#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        uint64_t low, top;
        wide part = 0;

#pragma GCC unroll 4
        for (int j = 0; j < 4; j++) {
            part += (wide)a.word[j] * b.word[i] + t[j];
            t[j] = (uint64_t)part;
            part >>= 64;
        }
        part += t[4];
        t[4] = (uint64_t)part;
        top = (uint64_t)(part >> 64);
        /* low * p = low * (2^256 - 2^224 + 2^192) + low * 2^96 - low */
        low = t[0];
        part = (wide)t[1] + (low << 32);
        t[0] = (uint64_t)part;
        part = (part >> 64) + t[2] + (low >> 32);
        t[1] = (uint64_t)part;
        part = (part >> 64) + t[3] + (wide)low * field_p.word[3];
        t[2] = (uint64_t)part;
        part = (part >> 64) + t[4];
        t[3] = (uint64_t)part;
        t[4] = top + (uint64_t)(part >> 64);
    }
    return reduce_once(t, t[4]);
}

/* a^(p-2), which is 1/a, and 0 for 0. The exponent is no secret. */
static struct field invert_field(struct field a)
{
    struct field ret = field_one;

    for (int i = 255; i >= 0; i--) {
        uint64_t word = field_p.word[i / 64] - (i < 64 ? 2 : 0);

        ret = multiply_fields(ret, ret);
        if (word >> (i % 64) & 1)
            ret = multiply_fields(ret, a);
    }
    return ret;
}

/* ---- Points --------------------------------------------------------------------------------- */

static struct projective add_points(const struct projective *p, const struct projective *q)
{
    struct field t0 = multiply_fields(p->x, q->x), t1 = multiply_fields(p->y, q->y);
    struct field t2 = multiply_fields(p->z, q->z);
    struct field t3 = multiply_fields(add_fields(p->x, p->y), add_fields(q->x, q->y));
    struct field t4 = multiply_fields(add_fields(p->y, p->z), add_fields(q->y, q->z));
    struct field x = multiply_fields(add_fields(p->x, p->z), add_fields(q->x, q->z)), y, z;

    t3 = subtract_fields(t3, add_fields(t0, t1));
    t4 = subtract_fields(t4, add_fields(t1, t2));
    y = subtract_fields(x, add_fields(t0, t2));
    x = subtract_fields(y, multiply_fields(curve_b, t2));
    x = add_fields(x, add_fields(x, x));
    z = subtract_fields(t1, x);
    x = add_fields(t1, x);
    t2 = add_fields(t2, add_fields(t2, t2));
    y = subtract_fields(subtract_fields(multiply_fields(curve_b, y), t2), t0);
    y = add_fields(y, add_fields(y, y));
    t0 = subtract_fields(add_fields(t0, add_fields(t0, t0)), t2);
    return (struct projective){
        .x = subtract_fields(multiply_fields(t3, x), multiply_fields(t4, y)),
        .y = add_fields(multiply_fields(x, z), multiply_fields(t0, y)),
        .z = add_fields(multiply_fields(t4, z), multiply_fields(t3, t0)),
    };
}

static struct projective double_point(const struct projective *p)
{
    struct field t0 = multiply_fields(p->x, p->x), t1 = multiply_fields(p->y, p->y);
    struct field t2 = multiply_fields(p->z, p->z), t3 = multiply_fields(p->x, p->y);
    struct field x, y, z = multiply_fields(p->x, p->z);

    t3 = add_fields(t3, t3);
    z = add_fields(z, z);
    y = subtract_fields(multiply_fields(curve_b, t2), z);
    y = add_fields(y, add_fields(y, y));
    x = subtract_fields(t1, y);
    y = multiply_fields(x, add_fields(t1, y));
    x = multiply_fields(x, t3);
    t2 = add_fields(t2, add_fields(t2, t2));
    z = subtract_fields(subtract_fields(multiply_fields(curve_b, z), t2), t0);
    z = add_fields(z, add_fields(z, z));
    t0 = subtract_fields(add_fields(t0, add_fields(t0, t0)), t2);
    y = add_fields(y, multiply_fields(t0, z));
    t0 = multiply_fields(p->y, p->z);
    t0 = add_fields(t0, t0);
    x = subtract_fields(x, multiply_fields(t0, z));
    z = multiply_fields(t0, t1);
    z = add_fields(z, z);
    return (struct projective){.x = x, .y = y, .z = add_fields(z, z)};
}

static const struct projective infinity = {
    .y = {{1, 0xffffffff00000000, 0xffffffffffffffff, 0x00000000fffffffe}}};

/* ---- Multiples ------------------------------------------------------------------------------ */

/* Of sixteen points: for windows of four bits, or for four bits that are 64 apart. */
struct multiples {
    struct projective point[16];
};

/* All are read, and one is taken. */
static struct projective choose_point(const struct multiples *table, uint64_t which)
{
    struct projective ret;
    uint64_t words[12] = {0};

    for (uint64_t i = 0; i < 16; i++) {
        uint64_t differs = i ^ which, mask = ((differs | -differs) >> 63) - 1, from[12];

        memcpy(from, &table->point[i], sizeof from);
        for (int k = 0; k < 12; k++)
            words[k] |= from[k] & mask;
    }
    memcpy(&ret, words, sizeof ret);
    return ret;
}

/* n * P, four bits after four bits from the highest. */
static struct projective multiply_point(const struct field *n, const struct projective *p)
{
    struct multiples table = {{infinity, *p}};
    struct projective ret = infinity, one;

    for (int i = 2; i < 16; i++)
        table.point[i] = add_points(&table.point[i - 1], p);
    for (int i = 63; i >= 0; i--) {
        for (int k = 0; k < 4; k++)
            ret = double_point(&ret);
        one = choose_point(&table, n->word[i / 16] >> (i % 16 * 4) & 15);
        ret = add_points(&ret, &one);
    }
    explicit_bzero(&table, sizeof table);
    return ret;
}

/* point[b3 b2 b1 b0] is (b3 * 2^192 + b2 * 2^128 + b1 * 2^64 + b0) * G; made once. */
static const struct multiples *base_multiples(const struct projective *g)
{
    static struct multiples table;
    static bool made;
    struct projective power = *g;

    if (made)
        return &table;
    table.point[0] = infinity;
    for (int bit = 0; bit < 4; bit++) {
        for (int i = 0; i < 1 << bit; i++)
            table.point[(1 << bit) + i] = add_points(&table.point[i], &power);
        for (int k = 0; k < 64; k++)
            power = double_point(&power);
    }
    made = true;
    return &table;
}

/* n * G, with a quarter of the doublings. */
static struct projective multiply_base(const struct field *n, const struct projective *g)
{
    const struct multiples *table = base_multiples(g);
    struct projective ret = infinity, one;

    for (int i = 63; i >= 0; i--) {
        uint64_t which = 0;

        for (int k = 3; k >= 0; k--)
            which = which << 1 | (n->word[k] >> i & 1);
        ret = double_point(&ret);
        one = choose_point(table, which);
        ret = add_points(&ret, &one);
    }
    return ret;
}

/* ---- mbedTLS' numbers ----------------------------------------------------------------------- */

static int words_from_number(const mbedtls_mpi *number, struct field *ret)
{
    unsigned char bytes[32];
    int result = mbedtls_mpi_write_binary_le(number, bytes, sizeof bytes);

    for (int i = 0; !result && i < 4; i++) {
        ret->word[i] = 0;
        for (int k = 7; k >= 0; k--)
            ret->word[i] = ret->word[i] << 8 | bytes[i * 8 + k];
    }
    explicit_bzero(bytes, sizeof bytes);
    return result;
}

static int number_from_field(struct field a, mbedtls_mpi *ret)
{
    unsigned char bytes[32];

    a = multiply_fields(a, (struct field){{1}});
    for (int i = 0; i < 32; i++)
        bytes[i] = (unsigned char)(a.word[i / 8] >> (i % 8 * 8));
    return mbedtls_mpi_read_binary_le(ret, bytes, sizeof bytes);
}

/* Of a point in normal form, whose coordinates are below p. */
static int read_point(const mbedtls_ecp_point *point, struct projective *ret)
{
    int result = words_from_number(&point->MBEDTLS_PRIVATE(X), &ret->x);

    if (!result)
        result = words_from_number(&point->MBEDTLS_PRIVATE(Y), &ret->y);
    ret->x = multiply_fields(ret->x, field_shift);
    ret->y = multiply_fields(ret->y, field_shift);
    ret->z = field_one;
    return result;
}

static int write_point(const struct projective *point, mbedtls_ecp_point *ret)
{
    static const struct field zero;
    struct field inverse;
    int result;

    if (memcmp(&point->z, &zero, sizeof zero) == 0)
        return mbedtls_ecp_set_zero(ret);
    inverse = invert_field(point->z);
    result = number_from_field(multiply_fields(point->x, inverse), &ret->MBEDTLS_PRIVATE(X));
    if (!result)
        result = number_from_field(multiply_fields(point->y, inverse), &ret->MBEDTLS_PRIVATE(Y));
    return result ? result : mbedtls_mpi_lset(&ret->MBEDTLS_PRIVATE(Z), 1);
}

static bool is_normal_point(const mbedtls_ecp_point *point)
{
    return mbedtls_mpi_cmp_int(&point->MBEDTLS_PRIVATE(Z), 1) == 0;
}

static bool is_base_point(const mbedtls_ecp_group *group, const mbedtls_ecp_point *point)
{
    return mbedtls_mpi_cmp_mpi(&point->MBEDTLS_PRIVATE(X), &group->G.MBEDTLS_PRIVATE(X)) == 0 &&
           mbedtls_mpi_cmp_mpi(&point->MBEDTLS_PRIVATE(Y), &group->G.MBEDTLS_PRIVATE(Y)) == 0;
}

static int multiply_any(const mbedtls_ecp_group *group, const mbedtls_mpi *n,
                        const mbedtls_ecp_point *p, struct projective *ret)
{
    struct projective point;
    struct field scalar;
    int result = words_from_number(n, &scalar);

    if (!result)
        result = read_point(p, &point);
    if (!result)
        *ret = is_base_point(group, p) ? multiply_base(&scalar, &point)
                                       : multiply_point(&scalar, &point);
    explicit_bzero(&scalar, sizeof scalar);
    return result;
}

/* ---- In place of mbedTLS' ------------------------------------------------------------------- */

int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *ret,
                                       const mbedtls_mpi *n, const mbedtls_ecp_point *p,
                                       mbedtls_f_rng_t *chance, void *arg,
                                       mbedtls_ecp_restart_ctx *restart)
{
    struct projective product;
    int result;

    if (group->id != MBEDTLS_ECP_DP_SECP256R1 || restart || !is_normal_point(p))
        return __real_mbedtls_ecp_mul_restartable(group, ret, n, p, chance, arg, restart);
    result = mbedtls_ecp_check_privkey(group, n);
    if (!result)
        result = mbedtls_ecp_check_pubkey(group, p);
    if (!result)
        result = multiply_any(group, n, p, &product);
    if (!result)
        result = write_point(&product, ret);
    explicit_bzero(&product, sizeof product);
    return result;
}

static bool is_scalar(const mbedtls_ecp_group *group, const mbedtls_mpi *n)
{
    return mbedtls_mpi_cmp_int(n, 0) >= 0 && mbedtls_mpi_cmp_mpi(n, &group->N) < 0;
}

int __wrap_mbedtls_ecp_muladd_restartable(mbedtls_ecp_group *group, mbedtls_ecp_point *ret,
                                          const mbedtls_mpi *m, const mbedtls_ecp_point *p,
                                          const mbedtls_mpi *n, const mbedtls_ecp_point *q,
                                          mbedtls_ecp_restart_ctx *restart)
{
    struct projective one, other;
    int result;

    if (group->id != MBEDTLS_ECP_DP_SECP256R1 || restart || !is_normal_point(p) ||
        !is_normal_point(q) || !is_scalar(group, m) || !is_scalar(group, n))
        return __real_mbedtls_ecp_muladd_restartable(group, ret, m, p, n, q, restart);
    result = mbedtls_ecp_check_pubkey(group, p);
    if (!result)
        result = mbedtls_ecp_check_pubkey(group, q);
    if (!result)
        result = multiply_any(group, m, p, &one);
    if (!result)
        result = multiply_any(group, n, q, &other);
    if (result)
        return result;
    one = add_points(&one, &other);
    return write_point(&one, ret);
}
