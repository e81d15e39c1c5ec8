/* SPDX-License-Identifier: Apache-2.0 */
/* Names the functions that a template may not call, and why. */
#include "sprig/groups.h"

#define CLOCK "reads the clock, so the same inputs would not give the same text"
#define CHANCE "draws random numbers, so the same inputs would not give the same text"
#define NETWORK "asks the network"
#define ENVIRONMENT "reads the environment of the program"

#define REFUSED(name, why)                                                                         \
    {                                                                                              \
        name, "", 's', NULL, COST_FLAT, why                                                        \
    }

const struct function functions_refused[] = {
    REFUSED("now", CLOCK),
    REFUSED("ago", CLOCK),
    REFUSED("randAlphaNum", CHANCE),
    REFUSED("randAlpha", CHANCE),
    REFUSED("randAscii", CHANCE),
    REFUSED("randNumeric", CHANCE),
    REFUSED("randBytes", CHANCE),
    REFUSED("randInt", CHANCE),
    REFUSED("shuffle", CHANCE),
    REFUSED("uuidv4", CHANCE),
    REFUSED("bcrypt", CHANCE),
    REFUSED("htpasswd", CHANCE),
    REFUSED("encryptAES", CHANCE),
    REFUSED("decryptAES", "is the other half of encryptAES, which draws random "
                          "numbers"),
    REFUSED("derivePassword", "costs seconds and megabytes by design"),
    REFUSED("genPrivateKey", CHANCE),
    REFUSED("genCA", CHANCE),
    REFUSED("genCAWithKey", CHANCE),
    REFUSED("genSelfSignedCert", CHANCE),
    REFUSED("genSelfSignedCertWithKey", CHANCE),
    REFUSED("genSignedCert", CHANCE),
    REFUSED("genSignedCertWithKey", CHANCE),
    REFUSED("buildCustomCert", "reads the clock to check the certificate"),
    REFUSED("getHostByName", NETWORK),
    REFUSED("env", ENVIRONMENT),
    REFUSED("expandenv", ENVIRONMENT),
    {0},
};
