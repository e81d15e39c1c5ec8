/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CONTROLLERS_CLAIM_REPORT_H
#define CONTROLLERS_CLAIM_REPORT_H

#include "controllers/pass.h"

/* Private to controllers: publishes a failure with ERR_TAKEN at the subject of the run,
   as the condition NameTaken. -1 with `err` unchanged for any other failure. */
int claim_report(struct reconcile_run *run, struct err *err);

#endif
