/*
 * OpenSSL reports failures in a queue per thread and hands out text in BIOs. Both stop here: a failure leaves as
 * one sentence, and the queue is always left empty, so that a later call never finds the reason of an earlier one.
 * Memory BIOs wipe what they held when they are freed, and secret_free() does the same for the copies, so that a
 * private key does not stay behind in the heap.
 */
#include "certs/openssl.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "util/error.h"
#include "util/text.h"

int openssl_error(struct error *error, int errnum, const char *format, ...)
{
        const char *reason = ERR_reason_error_string(ERR_peek_last_error());
        _cleanup_(freep) char *message = NULL;
        va_list arguments;

        va_start(arguments, format);
        message = text_format_list(format, arguments);
        va_end(arguments);

        if (!message) {
                error_oom(error);
        } else if (reason) {
                error_set(error, errnum, "%s (OpenSSL: %s)", message, reason);
        } else {
                error_set(error, errnum, "%s", message);
        }
        ERR_clear_error();
        return -errnum;
}

BIO *bio_free(BIO *bio)
{
        BIO_free(bio);
        return NULL;
}

BIO *bio_new_memory(void)
{
        return BIO_new(BIO_s_mem());
}

BIO *bio_new_text(const char *text)
{
        return BIO_new_mem_buf(text, -1);
}

int bio_to_string(char **ret, BIO *bio, struct error *error)
{
        char *data, *copy;
        long length = BIO_get_mem_data(bio, &data);

        copy = strndup(length > 0 ? data : "", length > 0 ? (size_t)length : 0);
        if (!copy)
                return error_oom(error);
        *ret = copy;
        return 0;
}

char *secret_free(char *secret)
{
        if (secret)
                OPENSSL_cleanse(secret, strlen(secret));
        free(secret);
        return NULL;
}
