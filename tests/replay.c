/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Runs a fuzzer without a fuzzing compiler: replay FILE…
 *
 * Every seed once as it is, then many times with a few bytes changed, cut
 * out or doubled, by random numbers that are always the same. It finds less than
 * libFuzzer does, but everywhere and in a second.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv) __attribute__((weak));

enum { SEED_MAX = 1 << 16, ROUNDS = 3000 };

static uint64_t random_state = 88172645463325252u;

static size_t roll(size_t below)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return below ? (size_t)(random_state % below) : 0;
}

static size_t change(uint8_t *bytes, size_t size)
{
    static const char sharp[] = "{}[]\"'\\/:,-+.0\n\r\t \0\xff&*!|>%@`()$=<";
    size_t at = roll(size), length = 1 + roll(8);

    if (at + length > size)
        length = size - at;
    switch (roll(4)) {
    case 0:
        if (size)
            bytes[at] = (uint8_t)roll(256);
        return size;
    case 1:
        if (size)
            bytes[at] = (uint8_t)sharp[roll(sizeof(sharp) - 1)];
        return size;
    case 2:
        memmove(bytes + at, bytes + at + length, size - at - length);
        return size - length;
    default:
        if (size + length > SEED_MAX)
            return size;
        memmove(bytes + at + length, bytes + at, size - at);
        return size + length;
    }
}

/* The parser sees a copy of exactly this size, so that one byte too far shows. */
static void feed(const uint8_t *bytes, size_t size)
{
    uint8_t *copy = malloc(size ? size : 1);

    if (!copy)
        abort();
    memcpy(copy, bytes, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void replay(const uint8_t *seed, size_t size, int rounds)
{
    static uint8_t bytes[SEED_MAX];

    feed(seed, size);
    for (int round = 0; round < rounds; round++) {
        size_t now = size;

        memcpy(bytes, seed, size);
        for (size_t changes = 1 + roll(4); changes > 0; changes--)
            now = change(bytes, now);
        feed(bytes, now);
    }
}

int main(int argc, char **argv)
{
    static uint8_t seed[SEED_MAX];
    int rounds = argc > 1 ? ROUNDS / (argc - 1) + 1 : ROUNDS;

    if (LLVMFuzzerInitialize)
        LLVMFuzzerInitialize(&argc, &argv);
    for (int at = 1; at < argc; at++) {
        FILE *file = fopen(argv[at], "rb");

        if (!file) {
            perror(argv[at]);
            return 1;
        }
        replay(seed, fread(seed, 1, sizeof(seed), file), rounds);
        fclose(file);
    }
    if (argc < 2)
        replay(seed, 0, rounds);
    return 0;
}
