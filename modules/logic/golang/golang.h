/* SPDX-License-Identifier: Apache-2.0 */
#ifndef GOLANG_H
#define GOLANG_H

/*
 * What templates need of Go's standard library, answering byte for byte as
 * Go 1.24 does: values with Go's types (reflect), runes (unicode), literals and
 * floats (strconv), printing (fmt), moments and layouts (time), JSON
 * (encoding/json), and the semantic versions that Helm's charts name.
 *
 * Each header below is a part with one noun, which begins the names of its
 * functions: value_, list_, dict_, str_, rune_, literal_, float_, print_,
 * date_, json_, semver_. Other modules include this header only.
 *
 * It knows neither templates nor their functions. Values live in an arena that
 * the caller gives; nothing is kept between calls, and nothing blocks.
 */
#include "golang/dates.h"
#include "golang/float.h"
#include "golang/json.h"
#include "golang/literal.h"
#include "golang/print.h"
#include "golang/runes.h"
#include "golang/semver.h"
#include "golang/value.h"

#endif
