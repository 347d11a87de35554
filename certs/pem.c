/*
 * PEM texts are strings to whoever holds them: what frees them is apart from what makes them, so that a program which
 * is given its certificate needs no OpenSSL.
 */
#include <stdlib.h>
#include <string.h>

#include "certs/certs.h"
#include "certs/openssl.h"

char *secret_free(char *secret)
{
        if (secret)
                explicit_bzero(secret, strlen(secret));
        free(secret);
        return NULL;
}

void certs_pem_clear(struct certs_pem *pem)
{
        free(pem->ca_bundle);
        free(pem->chain);
        secret_free(pem->key);
        *pem = (struct certs_pem){0};
}
