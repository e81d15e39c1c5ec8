/* SPDX-License-Identifier: Apache-2.0 */
#ifndef WORKS_CLUSTER_ROWS_H
#define WORKS_CLUSTER_ROWS_H

struct cluster_keep;
struct storage;

/* For `cluster_options.keep`: rows beside those of the works, committed together with them. */
struct cluster_keep cluster_rows_keep(struct storage *storage);

#endif
