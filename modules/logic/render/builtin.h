/* SPDX-License-Identifier: Apache-2.0 */
#ifndef RENDER_BUILTIN_H
#define RENDER_BUILTIN_H

/* Named templates that every definition can call, of assets/library/component.yaml. */
const char *builtin_template(void) __attribute__((returns_nonnull));

#endif
