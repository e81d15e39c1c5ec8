/* SPDX-License-Identifier: Apache-2.0 */
/* Noise as the text that functions cut, join, quote and decode. */
#include "fuzz/ask.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
    return fuzz_ask(
        "{{ .a | quote }}{{ .a | snakecase }}{{ .a | camelcase }}{{ .a | kebabcase }}{{ .a | title }}{{ .a | untitle }}"
        "{{ .a | swapcase }}{{ .a | initials }}{{ .a | wrap 5 }}{{ .a | wrapWith 3 .b }}{{ .a | b64dec }}{{ .a | b32dec }}"
        "{{ splitList .a .b }}{{ split .b .a }}{{ splitn .b 3 .a }}{{ .a | trimAll .b }}{{ replace .a .b .c }}"
        "{{ .a | trunc 3 }}{{ .a | trunc -3 }}{{ abbrev 8 .a }}{{ abbrevboth 5 10 .a }}{{ substr 1 4 .a }}{{ .a | html }}"
        "{{ .a | js }}{{ .a | urlquery }}{{ urlParse .b }}{{ regexSplit .a .b -1 }}{{ regexReplaceAll .a .b .c }}"
        "{{ fromJson .a | toPrettyJson }}{{ fromYaml .b | toYaml }}{{ .c | atoi }}{{ .c | int64 }}{{ .c | float64 }}{{ .a | toYamlPretty }}",
        bytes, size);
}
