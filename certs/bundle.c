/*
 * Bundles hold two or three certificates, so a look at each is the quickest search. They are compared by their whole
 * content (X509_cmp()): two CAs of the same name and key are two still, as one of them may expire sooner.
 */
#include "certs/bundle.h"

#include "certs/certificate.h"

bool bundle_contains(const STACK_OF(X509) * bundle, const X509 *certificate)
{
        for (int i = 0; i < sk_X509_num(bundle); i++)
                if (X509_cmp(sk_X509_value(bundle, i), certificate) == 0)
                        return true;
        return false;
}

bool bundle_covers(const STACK_OF(X509) * bundle, const STACK_OF(X509) * others)
{
        for (int i = 0; i < sk_X509_num(others); i++)
                if (!bundle_contains(bundle, sk_X509_value(others, i)))
                        return false;
        return true;
}

bool bundle_add(STACK_OF(X509) * bundle, X509 *certificate)
{
        if (bundle_contains(bundle, certificate))
                return true;
        if (!sk_X509_push(bundle, certificate))
                return false;
        X509_up_ref(certificate);
        return true;
}

bool bundle_add_valid(STACK_OF(X509) * bundle, const STACK_OF(X509) * others, int64_t now)
{
        for (int i = 0; i < sk_X509_num(others); i++) {
                X509 *certificate = sk_X509_value(others, i);

                if (now <= certificate_not_after(certificate) && !bundle_add(bundle, certificate))
                        return false;
        }
        return true;
}
