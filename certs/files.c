/*
 * One table names the files; reading, writing, linking and the checks of permissions all walk it, so that a further
 * file is a further row. tls.crt, tls.key and ca.crt are the names of a kubernetes.io/tls Secret.
 */
#include "certs/files.h"

#include <stddef.h>

#include "certs/openssl.h"

const struct certs_file_kind certs_file_kinds[CERTS_N_FILES] = {
        [CERTS_CA_CRT] = {"ca.crt", false},        [CERTS_CA_KEY] = {"ca.key", true},
        [CERTS_NEXT_CRT] = {"ca-next.crt", false}, [CERTS_NEXT_KEY] = {"ca-next.key", true},
        [CERTS_BUNDLE] = {"ca-bundle.crt", false}, [CERTS_TLS_CRT] = {"tls.crt", false},
        [CERTS_TLS_KEY] = {"tls.key", true},
};

void certs_files_clear(struct certs_files *files)
{
        for (size_t i = 0; i < CERTS_N_FILES; i++)
                files->texts[i] = secret_free(files->texts[i]);
}
