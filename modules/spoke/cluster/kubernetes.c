/* SPDX-License-Identifier: Apache-2.0 */
/* Says that applying to a Kubernetes API server is not built. */

#include "cluster/cluster.h"

static int kubernetes_open(const struct cluster_options *options, struct cluster **ret,
                           struct err *err)
{
    return err_set(err, ERR_UNSUPPORTED,
                   "--cluster=kubernetes is not built yet; use --cluster=local, or join the "
                   "cluster with Open Cluster Management's klusterlet");
}

/* Nothing can be opened, so nothing else is ever called. */
const struct cluster_driver cluster_kubernetes = {
    .name = "kubernetes",
    .open = kubernetes_open,
};
