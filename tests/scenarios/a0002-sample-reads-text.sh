#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The catalogue's OCR server, by itself: it returns the words in an image, and
# says what is wrong with bytes that are none.
. "$(dirname "$0")/lib.sh"

command -v tesseract >/dev/null || skip "tesseract is not installed"

cd "$TEST_DIR"
ocr_server_from "$repo/assets/catalogue/ocr.yaml" >server.py
make_image "Forty two receipts" image.png
HOST=127.0.0.1 PORT=0 python3 -u server.py >server.log 2>&1 &
until_true 20 grep -q 'on port' server.log
port=$(sed -n 's/.*on port //p' server.log)
at=http://127.0.0.1:$port

expect "health" "$(curl -sS "$at/healthz")" ok
expect "the text" "$(curl -sS --data-binary @image.png "$at/")" "Forty two receipts"
expect "status for what is no image" \
    "$(curl -sS -o answer -w '%{http_code}' --data-binary 'no image' "$at/")" 422
expect_contains "its words" "$(cat answer)" "no image that can be read"
expect "status for another path" "$(curl -sS -o answer -w '%{http_code}' "$at/else")" 404
kill %1
wait %1
