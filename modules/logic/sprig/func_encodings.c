/* SPDX-License-Identifier: Apache-2.0 */
/* Encodes and decodes base64 and base32, and computes digests. */
#include "archive/archive.h"
#include "pki/pki.h"
#include "sprig/groups.h"

#include <inttypes.h>

static bool run_b64enc(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    struct text out = call_text(call);

    if (!call_room(call, s.len * 2))
        return false;
    text_add_base64(&out, s.at, s.len, false);
    return call_give_text(call, &out);
}

/* An alphabet, how many bits a letter has and how many make a group. */
struct alphabet {
    const char *letters, *name;
    unsigned bits, group;
};

static const struct alphabet base64 = {
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/", "base64", 6, 4};
static const struct alphabet base32 = {"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "base32", 5, 8};

/* Only as many letters may be in the last group as make whole bytes. */
static bool whole_bytes(const struct alphabet *alphabet, unsigned letters)
{
    unsigned rest = letters * alphabet->bits % 8;

    return letters != 0 && rest < alphabet->bits;
}

/* Reads one group; letters in it, or -1 with `at` where it is wrong. */
static int read_letters(const struct alphabet *alphabet, struct str s, size_t *at, uint64_t *ret)
{
    unsigned letters = 0;

    *ret = 0;
    while (letters < alphabet->group && *at < s.len && s.at[*at] != '=') {
        const char *found = s.at[*at] ? strchr(alphabet->letters, s.at[*at]) : NULL;

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
static bool give_decoded(struct call *call, const struct alphabet *alphabet)
{
    struct str s = call_arg_str(call, 0), plain;
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
        int letters = read_letters(alphabet, plain, &at, &bits);
        unsigned bytes;

        if (letters < 0 || (letters < (int)alphabet->group && at < plain.len)) {
            text_cut(&out, 0);
            text_addf(&out, "illegal %s data at input byte %zu", alphabet->name,
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
    return call_give_text(call, &out);
}

static bool run_b64dec(struct call *call)
{
    return give_decoded(call, &base64);
}

static bool run_b32dec(struct call *call)
{
    return give_decoded(call, &base32);
}

static bool run_b32enc(struct call *call)
{
    struct str s = call_arg_str(call, 0);
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
            text_add_char(&out, j < letters ? base32.letters[bits >> (35 - j * 5) & 31] : '=');
    }
    return call_give_text(call, &out);
}

/* ---- Digests ---- */

/* Bytes as lower-case hexadecimal digits. */
static bool give_hex(struct call *call, const unsigned char *bytes, size_t len)
{
    struct text out = call_text(call);

    text_add_hex(&out, bytes, len);
    return call_give_text(call, &out);
}

static bool run_sha256(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    unsigned char digest[PKI_SHA256];

    pki_sha256(s.at, s.len, digest);
    return call_spend(call, s.len) && give_hex(call, digest, sizeof digest);
}

/* A checksum for charts that compare texts by it; nothing here depends on its strength. */
static bool run_sha1(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    unsigned char digest[PKI_SHA1];

    pki_sha1(s.at, s.len, digest);
    return call_spend(call, s.len) && give_hex(call, digest, sizeof digest);
}

static bool run_sha512(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    unsigned char digest[PKI_SHA512];

    pki_sha512(s.at, s.len, digest);
    return call_spend(call, s.len) && give_hex(call, digest, sizeof digest);
}

static bool run_adler32(struct call *call)
{
    struct str s = call_arg_str(call, 0);
    struct text out = call_text(call);

    text_addf(&out, "%" PRIu32, archive_adler32(s.at, s.len));
    return call_spend(call, s.len) && call_give_text(call, &out);
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
