/*
 * A key is an EVP_PKEY, and this file is a thin wall in front of it: one kind is made, any kind is read. There is
 * no option for the kind, as no reader of these files gains from another one, and a choice would have to be kept
 * through every renewal. Reading never asks for a passphrase: OpenSSL's default is to open the terminal, which
 * would hang a daemon, so the callback refuses and the sentence says that the key is encrypted.
 */
#include "certs/key.h"

#include <errno.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>

#include "certs/openssl.h"
#include "util/error.h"

int key_generate(EVP_PKEY **ret, struct error *error)
{
        EVP_PKEY *key = EVP_EC_gen("P-256");

        if (!key)
                return openssl_error(error, EIO, "cannot make a private key");
        *ret = key;
        return 0;
}

EVP_PKEY *key_free(EVP_PKEY *key)
{
        EVP_PKEY_free(key);
        return NULL;
}

static int refuse_passphrase(char *buffer, int size, int writing, void *userdata)
{
        bool *asked = userdata;

        (void)buffer;
        (void)size;
        (void)writing;
        *asked = true;
        return -1;
}

int key_parse(EVP_PKEY **ret, const char *pem, struct error *error)
{
        _cleanup_(bio_freep) BIO *bio = bio_new_text(pem);
        bool encrypted = false;
        EVP_PKEY *key;

        if (!bio)
                return error_oom(error);

        key = PEM_read_bio_PrivateKey(bio, NULL, refuse_passphrase, &encrypted);
        if (!key && encrypted) {
                ERR_clear_error();
                return error_set(error, EINVAL, "the private key is encrypted; store it without a passphrase");
        }
        if (!key)
                return openssl_error(error, EINVAL, "not a private key in PEM");
        *ret = key;
        return 0;
}

int key_print(char **ret, const EVP_PKEY *key, struct error *error)
{
        _cleanup_(bio_freep) BIO *bio = bio_new_memory();

        if (!bio)
                return error_oom(error);
        if (PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
                return openssl_error(error, EIO, "cannot write the private key as PEM");
        return bio_to_string(ret, bio, error);
}
