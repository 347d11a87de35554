/*
 * Addresses to listen on: numeric ones with a port (RFC 3986 section 3.2.2 for the brackets of IPv6).
 */
#include "daemon/address.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "util/error.h"

static const struct host_case {
        const char *name, *text, *host;
} hosts[] = {
        {"IPv4", "127.0.0.1:8443", "127.0.0.1"},
        {"IPv6 in brackets", "[::1]:8443", "::1"},
        {"every address", ":8443", ""},
        {"every address of IPv4", "0.0.0.0:8443", ""},
        {"every address of IPv6", "[::]:8443", ""},
};

START_TEST(tells_the_host)
{
        char buffer[ADDRESS_TEXT_MAX];

        ck_assert_msg(!strcmp(address_host(hosts[_i].text, buffer), hosts[_i].host), "%s: %s", hosts[_i].name,
                      buffer);
}
END_TEST

START_TEST(listens_on_a_free_port_and_tells_which)
{
        char buffer[ADDRESS_TEXT_MAX];
        int fd = address_listen("127.0.0.1:0", NULL);

        ck_assert_int_ge(fd, 0);
        address_format(fd, buffer);
        ck_assert(!strncmp(buffer, "127.0.0.1:", 10));
        ck_assert_int_gt(atoi(buffer + 10), 0);
        close(fd);
}
END_TEST

START_TEST(a_port_that_is_taken_is_said_so)
{
        _cleanup_error_ struct error error = ERROR_INIT;
        char buffer[ADDRESS_TEXT_MAX];
        int fd = address_listen("127.0.0.1:0", NULL);

        ck_assert_int_eq(address_listen(address_format(fd, buffer), &error), -EADDRINUSE);
        ck_assert_ptr_nonnull(strstr(error_message(&error), buffer));
        close(fd);
}
END_TEST

static const struct fault_case {
        const char *name, *text;
} faults[] = {
        {"no port", "127.0.0.1"},
        {"an empty port", "127.0.0.1:"},
        {"nothing", ""},
        {"a port that is no number", "127.0.0.1:https"},
        {"a port that is too large", "127.0.0.1:65536"},
        {"a name", "localhost:8443"},
        {"IPv6 without brackets", "::1:8443"},
        {"an unclosed bracket", "[::1:8443"},
        {"no address", "1.2.3:8443x"},
};

START_TEST(refuses)
{
        _cleanup_error_ struct error error = ERROR_INIT;

        ck_assert_msg(address_listen(faults[_i].text, &error) == -EINVAL, "%s", faults[_i].name);
        ck_assert_msg(strstr(error_message(&error), faults[_i].text) != NULL, "%s: %s", faults[_i].name,
                      error_message(&error));
}
END_TEST

static void add(TCase *tests)
{
        tcase_add_loop_test(tests, tells_the_host, 0, ARRAY_SIZE(hosts));
        tcase_add_test(tests, listens_on_a_free_port_and_tells_which);
        tcase_add_test(tests, a_port_that_is_taken_is_said_so);
        tcase_add_loop_test(tests, refuses, 0, ARRAY_SIZE(faults));
}

int main(void)
{
        return unit_main("address", add);
}
