/*
 * The address that the server listens on.
 */
#pragma once

struct error;

/* "127.0.0.1:8443", "[::1]:8443", ":8443" for every address; a port of 0 lets the system choose. */
#define ADDRESS_TEXT_MAX 80

/* Listens. Returns a socket, or a negative errno with `error`: -EINVAL for a text that is no address, and what
 * bind(2) says. */
int address_listen(const char *text, struct error *error);

/* The address that a socket listens on, in the form above. Returns buffer. */
const char *address_format(int socket, char buffer[static ADDRESS_TEXT_MAX]);

/* The host part of the text ("127.0.0.1"), or "" for every address. Returns buffer. */
const char *address_host(const char *text, char buffer[static ADDRESS_TEXT_MAX]);
