/* SPDX-License-Identifier: Apache-2.0 */
/* Computes SHA-256 (with the processor's instructions if it has them) and HMAC,
   and compares in constant time. */
#include <string.h>

#include "base/text.h"
#include "pki/internal.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

/* FIPS 180-4 section 4.2.2: the constants of the 64 rounds. */
static const uint32_t rounds[64] = {
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

static uint32_t rotate_right(uint32_t x, int by)
{
    return x >> by | x << (32 - by);
}

/* FIPS 180-4 section 6.2.2, for processors without SHA instructions. */
static void plain_blocks(uint32_t state[8], const unsigned char *at, size_t count)
{
    for (; count; count--, at += 64) {
        uint32_t w[64], s[8];
        int i;

        for (i = 0; i < 16; i++)
            w[i] = (uint32_t)at[4 * i] << 24 | (uint32_t)at[4 * i + 1] << 16 |
                   (uint32_t)at[4 * i + 2] << 8 | at[4 * i + 3];
        for (; i < 64; i++)
            w[i] = w[i - 16] + w[i - 7] +
                   (rotate_right(w[i - 15], 7) ^ rotate_right(w[i - 15], 18) ^ w[i - 15] >> 3) +
                   (rotate_right(w[i - 2], 17) ^ rotate_right(w[i - 2], 19) ^ w[i - 2] >> 10);
        memcpy(s, state, sizeof s);
        for (i = 0; i < 64; i++) {
            uint32_t a = s[7] +
                         (rotate_right(s[4], 6) ^ rotate_right(s[4], 11) ^ rotate_right(s[4], 25)) +
                         ((s[4] & s[5]) ^ (~s[4] & s[6])) + rounds[i] + w[i];
            uint32_t b = (rotate_right(s[0], 2) ^ rotate_right(s[0], 13) ^ rotate_right(s[0], 22)) +
                         ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

            memmove(s + 1, s, 7 * sizeof *s);
            s[4] += a;
            s[0] = a + b;
        }
        for (i = 0; i < 8; i++)
            state[i] += s[i];
    }
}

#if defined(__x86_64__)
/*
 * Does four rounds per step. The instructions want the state as two registers,
 * ABEF and CDGH, so it is rearranged before and after. The message schedule is
 * computed beside the rounds.
 */
__attribute__((target("sha,sse4.1"))) static void fast_blocks(uint32_t state[8],
                                                              const unsigned char *at, size_t count)
{
    const __m128i order = _mm_set_epi64x(0x0c0d0e0f08090a0bLL, 0x0405060700010203LL);
    __m128i low, high, first, second;

    first = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)state), 0xb1);
    second = _mm_shuffle_epi32(_mm_loadu_si128((const __m128i *)(state + 4)), 0x1b);
    low = _mm_alignr_epi8(first, second, 8);
    high = _mm_blend_epi16(second, first, 0xf0);
    for (; count; count--, at += 64) {
        __m128i w[4], was_low = low, was_high = high;
        int i;

        for (i = 0; i < 4; i++)
            w[i] = _mm_shuffle_epi8(_mm_loadu_si128((const __m128i *)(at + 16 * i)), order);
        for (i = 0; i < 16; i++) {
            __m128i now = w[i & 3];
            __m128i sum = _mm_add_epi32(now, _mm_loadu_si128((const __m128i *)(rounds + 4 * i)));

            high = _mm_sha256rnds2_epu32(high, low, sum);
            low = _mm_sha256rnds2_epu32(low, high, _mm_shuffle_epi32(sum, 0x0e));
            if (i < 12) {
                __m128i next = _mm_sha256msg1_epu32(now, w[(i + 1) & 3]);

                next = _mm_add_epi32(next, _mm_alignr_epi8(w[(i + 3) & 3], w[(i + 2) & 3], 4));
                w[i & 3] = _mm_sha256msg2_epu32(next, w[(i + 3) & 3]);
            }
        }
        low = _mm_add_epi32(low, was_low);
        high = _mm_add_epi32(high, was_high);
    }
    first = _mm_shuffle_epi32(low, 0x1b);
    second = _mm_shuffle_epi32(high, 0xb1);
    _mm_storeu_si128((__m128i *)state, _mm_blend_epi16(first, second, 0xf0));
    _mm_storeu_si128((__m128i *)(state + 4), _mm_alignr_epi8(second, first, 8));
}

/* CPUID leaf 7: bit 29 of EBX is the SHA extensions. */
static bool has_instructions(void)
{
    unsigned a, b, c, d;

    return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (b >> 29 & 1) &&
           __builtin_cpu_supports("sse4.1");
}
#endif

typedef void blocks_fn(uint32_t state[8], const unsigned char *at, size_t count);
static blocks_fn *blocks_now;

/* Two threads may choose at the same time; both choose the same. */
static blocks_fn *choose_blocks(void)
{
    blocks_fn *chosen = __atomic_load_n(&blocks_now, __ATOMIC_RELAXED);

    if (chosen)
        return chosen;
    chosen = plain_blocks;
#if defined(__x86_64__)
    if (has_instructions())
        chosen = fast_blocks;
#endif
    __atomic_store_n(&blocks_now, chosen, __ATOMIC_RELAXED);
    return chosen;
}

void pki_sha256_plain(const void *bytes, size_t len, unsigned char ret[PKI_SHA256])
{
    blocks_fn *before = choose_blocks();

    __atomic_store_n(&blocks_now, plain_blocks, __ATOMIC_RELAXED);
    pki_sha256(bytes, len, ret);
    __atomic_store_n(&blocks_now, before, __ATOMIC_RELAXED);
}

void pki_sha256_start(struct pki_sha256 *hash)
{
    *hash = (struct pki_sha256){.state = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                          0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19}};
}

void pki_sha256_add(struct pki_sha256 *hash, const void *bytes, size_t len)
{
    const unsigned char *at = bytes;
    size_t have = hash->len % 64, part;
    blocks_fn *blocks = choose_blocks();

    hash->len += len;
    if (have) {
        part = len < 64 - have ? len : 64 - have;
        memcpy(hash->block + have, at, part);
        at += part;
        len -= part;
        if (have + part < 64)
            return;
        blocks(hash->state, hash->block, 1);
    }
    if (len >= 64)
        blocks(hash->state, at, len / 64);
    if (len % 64)
        memcpy(hash->block, at + len / 64 * 64, len % 64);
}

/* Pads a copy, so that more bytes can be added to `hash` afterwards: 0x80, zeros,
   and the length in bits, up to the end of a block. */
void pki_sha256_end(const struct pki_sha256 *hash, unsigned char ret[PKI_SHA256])
{
    struct pki_sha256 last = *hash;
    unsigned char pad[72] = {0x80};
    size_t have = hash->len % 64, i;
    size_t zeros = (have < 56 ? 56 : 120) - have;
    uint64_t bits = hash->len * 8;

    for (i = 0; i < 8; i++)
        pad[zeros + i] = (unsigned char)(bits >> (56 - 8 * i));
    pki_sha256_add(&last, pad, zeros + 8);
    for (i = 0; i < 32; i++)
        ret[i] = (unsigned char)(last.state[i / 4] >> (24 - 8 * (i % 4)));
}

void pki_sha256(const void *bytes, size_t len, unsigned char ret[PKI_SHA256])
{
    struct pki_sha256 hash;

    pki_sha256_start(&hash);
    pki_sha256_add(&hash, bytes, len);
    pki_sha256_end(&hash, ret);
}

void pki_digest_text(const unsigned char digest[PKI_SHA256], char ret[PKI_DIGEST_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    size_t i;

    memcpy(ret, "sha256:", 7);
    for (i = 0; i < PKI_SHA256; i++) {
        ret[7 + 2 * i] = digits[digest[i] >> 4];
        ret[8 + 2 * i] = digits[digest[i] & 15];
    }
    ret[7 + 2 * PKI_SHA256] = '\0';
}

/* RFC 2104. */
void pki_hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t len,
                     unsigned char ret[PKI_SHA256])
{
    unsigned char block[64] = {0}, pad[64];
    struct pki_sha256 hash;
    size_t i;

    if (key_len > sizeof block)
        pki_sha256(key, key_len, block);
    else
        memcpy(block, key, key_len);
    for (i = 0; i < 64; i++)
        pad[i] = block[i] ^ 0x36;
    pki_sha256_start(&hash);
    pki_sha256_add(&hash, pad, 64);
    pki_sha256_add(&hash, bytes, len);
    pki_sha256_end(&hash, ret);
    for (i = 0; i < 64; i++)
        pad[i] = block[i] ^ 0x5c;
    pki_sha256_start(&hash);
    pki_sha256_add(&hash, pad, 64);
    pki_sha256_add(&hash, ret, PKI_SHA256);
    pki_sha256_end(&hash, ret);
}

/* `volatile` keeps the compiler from returning at the first difference. */
bool pki_same(const void *a, const void *b, size_t len)
{
    const volatile unsigned char *one = a, *other = b;
    unsigned char difference = 0;
    size_t i;

    for (i = 0; i < len; i++)
        difference |= one[i] ^ other[i];
    return !difference;
}
