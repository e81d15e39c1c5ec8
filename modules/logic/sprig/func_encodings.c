/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, base32 and digests. */
#include "pki/pki.h"
#include "sprig/groups.h"

static bool run_b64enc(struct call *call)
{
    struct str s = arg_str(call, 0);
    struct text out = call_text(call);

    if (!call_room(call, s.len * 2))
        return false;
    text_add_base64(&out, s.at, s.len, false);
    return give_text(call, &out);
}

/* An alphabet, how many bits a letter has and how many make a group. */
struct alphabet {
    const char *letters, *name;
    unsigned bits, group;
};

static const struct alphabet base64 = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/",
    "base64", 6, 4};
static const struct alphabet base32 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567",
                                       "base32", 5, 8};

/* Only as many letters may be in the last group as make whole bytes. */
static bool whole_bytes(const struct alphabet *alphabet, unsigned letters)
{
    unsigned rest = letters * alphabet->bits % 8;

    return letters != 0 && rest < alphabet->bits;
}

/* Reads one group; letters in it, or -1 with `at` where it is wrong. */
static int read_group(const struct alphabet *alphabet, struct str s, size_t *at,
                      uint64_t *ret)
{
    unsigned letters = 0;

    *ret = 0;
    while (letters < alphabet->group && *at < s.len && s.at[*at] != '=') {
        const char *found = s.at[*at]
                                ? strchr(alphabet->letters, s.at[*at])
                                : NULL;

        if (!found)
            return -1;
        *ret = *ret << alphabet->bits | (uint64_t)(found - alphabet->letters);
        letters++;
        *at += 1;
    }
    for (unsigned i = letters; i < alphabet->group; i++) {
        if (*at >= s.len || s.at[*at] != '=' || !whole_bytes(alphabet, letters))
            return -1;
        *at += 1;
    }
    *ret <<= (alphabet->group - letters) * alphabet->bits;
    return (int)letters;
}

/* Sprig gives the error as if it were the text. */
static bool decoded(struct call *call, const struct alphabet *alphabet)
{
    struct str s = arg_str(call, 0), plain;
    struct text out = {0}, kept = {0};
    unsigned group_bytes = alphabet->bits * alphabet->group / 8;
    size_t at = 0;

    for (size_t i = 0; i < s.len; i++) {
        if (s.at[i] != '\n' && s.at[i] != '\r')
            text_add_char(&kept, s.at[i]);
    }
    plain = (struct str){text_string(&kept), kept.len};
    while (at < plain.len) {
        uint64_t bits;
        int letters = read_group(alphabet, plain, &at, &bits);
        unsigned bytes;

        if (letters < 0 || (letters < (int)alphabet->group && at < plain.len)) {
            text_cut(&out, 0);
            text_addf(&out, "illegal %s data at input byte %zu",
                      alphabet->name,
                      at >= plain.len && letters < 0 && plain.at[at - 1] != '='
                          ? plain.len / alphabet->group * alphabet->group
                          : at);
            break;
        }
        bytes = (unsigned)letters * alphabet->bits / 8;
        for (unsigned i = 0; i < bytes; i++)
            text_add_char(&out, (char)(bits >> (group_bytes - 1 - i) * 8));
    }
    text_free(&kept);
    return give_text(call, &out);
}

static bool run_b64dec(struct call *call)
{
    return decoded(call, &base64);
}

static bool run_b32dec(struct call *call)
{
    return decoded(call, &base32);
}

static bool run_b32enc(struct call *call)
{
    struct str s = arg_str(call, 0);
    struct text out = call_text(call);

    if (!call_room(call, (uint64_t)s.len * 2))
        return false;
    for (size_t i = 0; i < s.len; i += 5) {
        size_t bytes = s.len - i < 5 ? s.len - i : 5;
        size_t letters = (bytes * 8 + 4) / 5;
        uint64_t bits = 0;

        for (size_t j = 0; j < 5; j++)
            bits = bits << 8 | (j < bytes ? (unsigned char)s.at[i + j] : 0);
        for (size_t j = 0; j < 8; j++)
            text_add_char(&out, j < letters
                                    ? base32.letters[bits >> (35 - j * 5) & 31]
                                    : '=');
    }
    return give_text(call, &out);
}

/* ---- Digests ---- */

static bool give_hex(struct call *call, const unsigned char *bytes, size_t len)
{
    struct text out = call_text(call);

    text_add_hex(&out, bytes, len);
    return give_text(call, &out);
}

static bool run_sha256(struct call *call)
{
    struct str s = arg_str(call, 0);
    unsigned char digest[PKI_SHA256];

    pki_sha256(s.at, s.len, digest);
    return call_spend(call, s.len) && give_hex(call, digest, sizeof digest);
}

static uint32_t rotate(uint32_t word, unsigned by)
{
    return word << by | word >> (32 - by);
}

static void sha1_block(uint32_t state[5], const unsigned char *block)
{
    uint32_t w[80], a = state[0], b = state[1], c = state[2], d = state[3],
                    e = state[4];

    for (int i = 0; i < 16; i++)
        w[i] = (uint32_t)block[i * 4] << 24 | (uint32_t)block[i * 4 + 1] << 16 |
               (uint32_t)block[i * 4 + 2] << 8 | block[i * 4 + 3];
    for (int i = 16; i < 80; i++)
        w[i] = rotate(w[i - 3] ^ w[i - 8] ^ w[i - 14] ^ w[i - 16], 1);
    for (int i = 0; i < 80; i++) {
        uint32_t f = i < 20   ? (b & c) | (~b & d)
                     : i < 40 ? b ^ c ^ d
                     : i < 60 ? (b & c) | (b & d) | (c & d)
                              : b ^ c ^ d;
        static const uint32_t k[] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc,
                                     0xca62c1d6};
        uint32_t next = rotate(a, 5) + f + e + k[i / 20] + w[i];

        e = d;
        d = c;
        c = rotate(b, 30);
        b = a;
        a = next;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
}

/* Feeds a text in blocks, padded with its length in bits, big-endian. */
static void each_block(struct str s, size_t size, void *state,
                       void (*block)(void *state, const unsigned char *bytes))
{
    unsigned char last[256] = {0};
    size_t length_bytes = size / 8;
    size_t whole = s.len / size * size, rest = s.len - whole;
    size_t end = rest + 1 + length_bytes <= size ? size : size * 2;
    uint64_t bits = (uint64_t)s.len * 8;

    for (size_t i = 0; i < whole; i += size)
        block(state, (const unsigned char *)s.at + i);
    if (rest)
        memcpy(last, s.at + whole, rest);
    last[rest] = 0x80;
    for (size_t i = 0; i < 8; i++)
        last[end - 1 - i] = (unsigned char)(bits >> i * 8);
    for (size_t i = 0; i < end; i += size)
        block(state, last + i);
}

static void sha1_step(void *state, const unsigned char *bytes)
{
    sha1_block(state, bytes);
}

static bool run_sha1(struct call *call)
{
    uint32_t state[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476,
                         0xc3d2e1f0};
    unsigned char digest[20];

    each_block(arg_str(call, 0), 64, state, sha1_step);
    for (size_t i = 0; i < sizeof digest; i++)
        digest[i] = (unsigned char)(state[i / 4] >> (24 - i % 4 * 8));
    return call_spend(call, call->args[0].len) &&
           give_hex(call, digest, sizeof digest);
}

/* SHA-512's constants are the fractions of cube roots of the first primes. */
static const uint64_t sha512_k[80] = {
    0x428a2f98d728ae22, 0x7137449123ef65cd, 0xb5c0fbcfec4d3b2f, 0xe9b5dba58189dbbc,
    0x3956c25bf348b538, 0x59f111f1b605d019, 0x923f82a4af194f9b, 0xab1c5ed5da6d8118,
    0xd807aa98a3030242, 0x12835b0145706fbe, 0x243185be4ee4b28c, 0x550c7dc3d5ffb4e2,
    0x72be5d74f27b896f, 0x80deb1fe3b1696b1, 0x9bdc06a725c71235, 0xc19bf174cf692694,
    0xe49b69c19ef14ad2, 0xefbe4786384f25e3, 0x0fc19dc68b8cd5b5, 0x240ca1cc77ac9c65,
    0x2de92c6f592b0275, 0x4a7484aa6ea6e483, 0x5cb0a9dcbd41fbd4, 0x76f988da831153b5,
    0x983e5152ee66dfab, 0xa831c66d2db43210, 0xb00327c898fb213f, 0xbf597fc7beef0ee4,
    0xc6e00bf33da88fc2, 0xd5a79147930aa725, 0x06ca6351e003826f, 0x142929670a0e6e70,
    0x27b70a8546d22ffc, 0x2e1b21385c26c926, 0x4d2c6dfc5ac42aed, 0x53380d139d95b3df,
    0x650a73548baf63de, 0x766a0abb3c77b2a8, 0x81c2c92e47edaee6, 0x92722c851482353b,
    0xa2bfe8a14cf10364, 0xa81a664bbc423001, 0xc24b8b70d0f89791, 0xc76c51a30654be30,
    0xd192e819d6ef5218, 0xd69906245565a910, 0xf40e35855771202a, 0x106aa07032bbd1b8,
    0x19a4c116b8d2d0c8, 0x1e376c085141ab53, 0x2748774cdf8eeb99, 0x34b0bcb5e19b48a8,
    0x391c0cb3c5c95a63, 0x4ed8aa4ae3418acb, 0x5b9cca4f7763e373, 0x682e6ff3d6b2b8a3,
    0x748f82ee5defb2fc, 0x78a5636f43172f60, 0x84c87814a1f0ab72, 0x8cc702081a6439ec,
    0x90befffa23631e28, 0xa4506cebde82bde9, 0xbef9a3f7b2c67915, 0xc67178f2e372532b,
    0xca273eceea26619c, 0xd186b8c721c0c207, 0xeada7dd6cde0eb1e, 0xf57d4f7fee6ed178,
    0x06f067aa72176fba, 0x0a637dc5a2c898a6, 0x113f9804bef90dae, 0x1b710b35131c471b,
    0x28db77f523047d84, 0x32caab7b40c72493, 0x3c9ebe0a15c9bebc, 0x431d67c49c100d4c,
    0x4cc5d4becb3e42b6, 0x597f299cfc657e2a, 0x5fcb6fab3ad6faec, 0x6c44198c4a475817,
};

static uint64_t turn(uint64_t word, unsigned by)
{
    return word >> by | word << (64 - by);
}

static void sha512_step(void *arg, const unsigned char *bytes)
{
    uint64_t *state = arg, w[80], s[8];

    for (size_t i = 0; i < 16; i++) {
        w[i] = 0;
        for (size_t j = 0; j < 8; j++)
            w[i] = w[i] << 8 | bytes[i * 8 + j];
    }
    for (size_t i = 16; i < 80; i++)
        w[i] = w[i - 16] + w[i - 7] +
               (turn(w[i - 15], 1) ^ turn(w[i - 15], 8) ^ w[i - 15] >> 7) +
               (turn(w[i - 2], 19) ^ turn(w[i - 2], 61) ^ w[i - 2] >> 6);
    memcpy(s, state, sizeof s);
    for (size_t i = 0; i < 80; i++) {
        uint64_t one = s[7] +
                       (turn(s[4], 14) ^ turn(s[4], 18) ^ turn(s[4], 41)) +
                       ((s[4] & s[5]) ^ (~s[4] & s[6])) + sha512_k[i] + w[i];
        uint64_t two = (turn(s[0], 28) ^ turn(s[0], 34) ^ turn(s[0], 39)) +
                       ((s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]));

        memmove(s + 1, s, 7 * sizeof *s);
        s[4] += one;
        s[0] = one + two;
    }
    for (size_t i = 0; i < 8; i++)
        state[i] += s[i];
}

static bool run_sha512(struct call *call)
{
    uint64_t state[8] = {0x6a09e667f3bcc908, 0xbb67ae8584caa73b,
                         0x3c6ef372fe94f82b, 0xa54ff53a5f1d36f1,
                         0x510e527fade682d1, 0x9b05688c2b3e6c1f,
                         0x1f83d9abfb41bd6b, 0x5be0cd19137e2179};
    unsigned char digest[64];

    each_block(arg_str(call, 0), 128, state, sha512_step);
    for (size_t i = 0; i < sizeof digest; i++)
        digest[i] = (unsigned char)(state[i / 8] >> (56 - i % 8 * 8));
    return call_spend(call, call->args[0].len) &&
           give_hex(call, digest, sizeof digest);
}

static bool run_adler32(struct call *call)
{
    struct str s = arg_str(call, 0);
    uint32_t a = 1, b = 0;
    struct text out = call_text(call);

    for (size_t i = 0; i < s.len; i++) {
        a = (a + (unsigned char)s.at[i]) % 65521;
        b = (b + a) % 65521;
    }
    text_addf(&out, "%u", b << 16 | a);
    return call_spend(call, s.len) && give_text(call, &out);
}

const struct function functions_encodings[] = {
    {"b64enc", "s", 's', run_b64enc, 4},
    {"b64dec", "s", 's', run_b64dec, 16},
    {"b32enc", "s", 's', run_b32enc, 16},
    {"b32dec", "s", 's', run_b32dec, 16},
    {"sha1sum", "s", 's', run_sha1, 16},
    {"sha256sum", "s", 's', run_sha256, 16},
    {"sha512sum", "s", 's', run_sha512, 16},
    {"adler32sum", "s", 's', run_adler32, 16},
    {0},
};
