/*
 * A user of a kubeconfig (clientcmd v1 AuthInfo): what shows the API server who we are. As in client-go, data wins
 * over the file beside it, but a token's file over the token, as it is the file that is kept up to date.
 */
#include <string.h>

#include "kube/credential.h"
#include "kube/exec_plugin.h"
#include "kube/kubeconfig.h"
#include "kube/secret.h"
#include "util/text.h"

#define API_GROUP "client.authentication.k8s.io/"

/* What the program is told of the cluster; a new reference. */
static json_t *describe_cluster(const struct kubeconfig_entry *cluster)
{
        static const char *const copied[] = {"server",    "tls-server-name",     "insecure-skip-tls-verify",
                                             "proxy-url", "disable-compression", "certificate-authority-data"};
        json_auto_t *described = json_object();
        json_t *extension;
        size_t i;

        for (i = 0; i < sizeof(copied) / sizeof(copied[0]); i++) {
                json_t *value = json_object_get(cluster->value.value, copied[i]);

                if (value && json_object_set(described, copied[i], value) < 0)
                        return NULL;
        }
        json_array_foreach (json_object_get(cluster->value.value, "extensions"), i, extension) {
                const char *name = json_string_value(json_object_get(extension, "name"));
                json_t *config = json_object_get(extension, "extension");

                if (name && config && !strcmp(name, API_GROUP "exec") &&
                    json_object_set(described, "config", config) < 0)
                        return NULL;
        }
        return steal_pointer(&described);
}

/* A CA in a file is told as data, too. */
static bool read_cluster_info(struct exec_plugin *plugin, const struct field *exec,
                              const struct credential_source *source, const struct kubeconfig_entry *cluster)
{
        struct field provide = field_member(exec, "provideClusterInfo");
        _cleanup_(freep) char *ca = NULL, *encoded = NULL;
        bool wanted = false;

        if (!field_bool(&provide, &wanted))
                return false;
        if (!wanted)
                return true;
        plugin->cluster = describe_cluster(cluster);
        if (!plugin->cluster)
                return field_error(&provide, "out of memory");
        if (!source->ca_file)
                return true;
        if (secret_read(&ca, source->ca_file, NULL) < 0)
                return field_error(&provide, "needs the certificate-authority, and %s cannot be read",
                                   source->ca_file);
        encoded = secret_to_base64(ca);
        if (!encoded || json_object_set_new(plugin->cluster, "certificate-authority-data", json_string(encoded)) < 0)
                return field_error(&provide, "out of memory");
        return true;
}

static bool read_program(struct exec_plugin *plugin, const struct field *exec, const char *folder)
{
        struct field command = field_member(exec, "command"), args = field_member(exec, "args");
        const char *text = NULL;
        bool good;

        if (!field_string(&command, &text) || !field_array(&args))
                return false;
        if (!text || !*text)
                return field_must_be(&command, "the program that hands out the credentials");
        plugin->arguments = calloc(field_count(&args) + 2, sizeof(*plugin->arguments));
        if (!plugin->arguments)
                return field_error(&args, "out of memory");
        /* A relative path starts at the kubeconfig's folder; a name without a slash is looked up in $PATH. */
        plugin->arguments[0] = *text == '/' || !strchr(text, '/') ? strdup(text) : text_format("%s/%s", folder, text);
        good = plugin->arguments[0] || field_error(&command, "out of memory");
        for (size_t i = 0; good && i < field_count(&args); i++) {
                struct field item = field_item(&args, i);
                const char *argument = "";

                good = field_string(&item, &argument);
                plugin->arguments[i + 1] = good ? strdup(argument) : NULL;
                if (good && !plugin->arguments[i + 1])
                        good = field_error(&item, "out of memory");
        }
        return good;
}

static bool read_variable(char **ret, const struct field *item)
{
        struct field name = field_member(item, "name"), value = field_member(item, "value");
        _cleanup_(secret_wipep) char *text = NULL;
        const char *variable = NULL;

        if (!field_object(item) || !field_string(&name, &variable) || !kubeconfig_secret(&value, &text))
                return false;
        if (!variable || !*variable || strchr(variable, '='))
                return field_must_be(&name, "the name of a variable of the environment");
        *ret = text_format("%s=%s", variable, text ? text : "");
        return *ret || field_error(item, "out of memory");
}

static bool read_environment(struct exec_plugin *plugin, const struct field *exec)
{
        struct field list = field_member(exec, "env");
        bool good = field_array(&list);

        if (!good)
                return false;
        plugin->environment = calloc(field_count(&list) + 1, sizeof(*plugin->environment));
        if (!plugin->environment)
                return field_error(&list, "out of memory");
        for (size_t i = 0; good && i < field_count(&list); i++) {
                struct field item = field_item(&list, i);

                good = read_variable(&plugin->environment[i], &item);
        }
        return good;
}

static bool read_mode(struct exec_plugin *plugin, const struct field *exec)
{
        static const char *const versions[] = {API_GROUP "v1", API_GROUP "v1beta1", NULL};
        static const char *const modes[] = {
                [EXEC_NEVER] = "Never", [EXEC_IF_AVAILABLE] = "IfAvailable", [EXEC_ALWAYS] = "Always", NULL};
        struct field version = field_member(exec, "apiVersion"), mode = field_member(exec, "interactiveMode");
        struct field hint = field_member(exec, "installHint");
        int version_index = -1, mode_index = EXEC_IF_AVAILABLE;

        if (!field_enum(&version, versions, &version_index) || !field_enum(&mode, modes, &mode_index))
                return false;
        if (version_index < 0)
                return field_must_be(&version, "\"" API_GROUP "v1\" or \"" API_GROUP "v1beta1\"");
        if (version_index == 0 && !mode.value)
                return field_must_be(&mode, "Never, IfAvailable or Always");
        plugin->interactive = (enum exec_interactive)mode_index;
        return kubeconfig_text(&version, &plugin->api_version) && kubeconfig_text(&hint, &plugin->install_hint);
}

static bool read_exec(struct credential_source *source, const struct field *exec, const struct kubeconfig_entry *user,
                      const struct kubeconfig_entry *cluster)
{
        struct exec_plugin *plugin;

        if (!field_object(exec))
                return false;
        if (!exec->value)
                return true;
        plugin = source->exec = calloc(1, sizeof(*plugin));
        if (!plugin)
                return field_error(exec, "out of memory");
        return read_mode(plugin, exec) && read_program(plugin, exec, user->file->folder) &&
               read_environment(plugin, exec) && read_cluster_info(plugin, exec, source, cluster);
}

static bool read_token(struct credential_source *source, const struct kubeconfig_entry *entry)
{
        struct field token = field_member(&entry->value, "token"), file = field_member(&entry->value, "tokenFile");
        struct field username = field_member(&entry->value, "username");
        struct field password = field_member(&entry->value, "password");

        if (!kubeconfig_secret(&token, &source->token) ||
            !kubeconfig_path(&file, entry->file->folder, &source->token_file) ||
            !kubeconfig_text(&username, &source->username) || !kubeconfig_secret(&password, &source->password))
                return false;
        if ((source->token || source->token_file) && (source->username || source->password))
                return field_error(&username, "must not be given where there is a token");
        return true;
}

static bool read_certificate(struct credential_source *source, const struct kubeconfig_entry *entry)
{
        struct field certificate = field_member(&entry->value, "client-certificate");
        struct field certificate_data = field_member(&entry->value, "client-certificate-data");
        struct field key = field_member(&entry->value, "client-key");
        struct field key_data = field_member(&entry->value, "client-key-data");
        bool has_certificate, has_key;

        if (!kubeconfig_pem(&certificate_data, "CERTIFICATE", &source->certificate) ||
            !kubeconfig_pem(&key_data, "PRIVATE KEY", &source->key))
                return false;
        if (!source->certificate && !kubeconfig_path(&certificate, entry->file->folder, &source->certificate_file))
                return false;
        if (!source->key && !kubeconfig_path(&key, entry->file->folder, &source->key_file))
                return false;
        has_certificate = source->certificate || source->certificate_file;
        has_key = source->key || source->key_file;
        if (has_certificate && !has_key)
                return field_error(&key, "must be given where there is a client-certificate");
        if (has_key && !has_certificate)
                return field_error(&certificate, "must be given where there is a client-key");
        return true;
}

/* What would make us somebody else than the kubeconfig says, if it were passed over. */
static bool refuse_others(const struct kubeconfig_entry *entry)
{
        static const struct {
                const char *key, *reason;
        } refused[] = {
                {"auth-provider", "is no longer known to Kubernetes (since 1.26); use exec"},
                {"as", "is not supported: regionfit acts as nobody else"},
                {"as-uid", "is not supported: regionfit acts as nobody else"},
                {"as-groups", "is not supported: regionfit acts as nobody else"},
                {"as-user-extra", "is not supported: regionfit acts as nobody else"},
        };

        for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
                struct field field = field_member(&entry->value, refused[i].key);

                if (field.value)
                        return field_error(&field, "%s", refused[i].reason);
        }
        return true;
}

bool kubeconfig_read_user(struct credential_source *source, const struct kubeconfig_entry *entry,
                          const struct kubeconfig_entry *cluster)
{
        struct field exec = field_member(&entry->value, "exec");

        return refuse_others(entry) && read_token(source, entry) && read_certificate(source, entry) &&
               read_exec(source, &exec, entry, cluster);
}
