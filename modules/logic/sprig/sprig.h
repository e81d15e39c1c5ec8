/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SPRIG_H
#define SPRIG_H

#include "gotemplate/gotemplate.h"

/*
 * The functions of Sprig 3.3 and Helm 3.19 for Go's templates: a library that
 * a set of templates is made with.
 *
 * Each func_*.c holds a group of functions and the table of its rows. What
 * draws random numbers, reads the clock, the network or the environment is
 * refused by name when a template is parsed (refused.c says why).
 *
 * The library keeps nothing between calls and knows the run that calls it only
 * through gotemplate's call_*().
 */
extern const struct template_library sprig_library;

/* Helm's engine: missing zero, this library, float64, no "<no value>". */
extern const struct template_options sprig_options_helm;

#endif
