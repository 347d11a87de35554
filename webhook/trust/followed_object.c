/*
 * What was not taken yet is replaced by what comes after it; that there was something, or that there may have been,
 * as before a list, is told, because how long a state has lasted is another question than what it is. What is handed
 * out is a copy that nobody shares: jansson counts references, and two threads would count at the same time.
 */
#include "trust/followed_object.h"

#include <errno.h>

#include "util/error.h"
#include "util/thread_safety.h"

struct followed_object {
        struct reflector *reflector; /* owned */
        void (*changed)(void *userdata);
        void *userdata; /* borrowed */
        json_t *listed; /* owned; the reflector's: what its list has brought so far */
        struct lock lock;
        json_t *newest; /* owned; NULL: there is none; guarded by lock, as is the following */
        bool news;      /* it has not been taken */
        bool gap;       /* something else may have come before it that was not taken either */
};

static void replace(json_t **object, json_t *by)
{
        json_decref(*object);
        *object = by;
}

static void publish(struct followed_object *followed, json_t *object, bool gap)
{
        lock_acquire(&followed->lock);
        replace(&followed->newest, object);
        followed->gap |= gap || followed->news;
        followed->news = true;
        lock_release(&followed->lock);
        if (followed->changed)
                followed->changed(followed->userdata);
}

static int list_begin(void *userdata)
{
        struct followed_object *followed = userdata;

        replace(&followed->listed, NULL);
        return 0;
}

static int list_item(void *userdata, const json_t *object)
{
        struct followed_object *followed = userdata;

        replace(&followed->listed, json_deep_copy(object));
        return followed->listed ? 0 : -ENOMEM;
}

static int list_end(void *userdata, uint64_t version)
{
        struct followed_object *followed = userdata;

        (void)version;
        publish(followed, steal_pointer(&followed->listed), true);
        return 0;
}

static int handle_event(void *userdata, enum reflector_event event, const json_t *object, uint64_t version)
{
        json_t *copy = NULL;

        (void)version;
        if (event != REFLECTOR_DELETED) {
                copy = json_deep_copy(object);
                if (!copy)
                        return -ENOMEM;
        }
        publish(userdata, copy, false);
        return 0;
}

static const struct reflector_ops ops = {
        .list_begin = list_begin,
        .list_item = list_item,
        .list_end = list_end,
        .event = handle_event,
};

int followed_object_new(struct followed_object **ret, struct kube_client *client,
                        const struct kube_resource *resource, void (*changed)(void *userdata), void *userdata,
                        struct error *error)
{
        struct followed_object *followed = calloc(1, sizeof(*followed));
        int r;

        if (!followed)
                return error_oom(error);
        followed->changed = changed;
        followed->userdata = userdata;
        r = lock_init(&followed->lock);
        if (r) {
                free(followed);
                return error_set_errno(error, r, "cannot make a lock");
        }
        r = reflector_new(&followed->reflector, client, resource, &ops, followed, error);
        if (r < 0) {
                followed_object_free(followed);
                return r;
        }
        *ret = followed;
        return 0;
}

struct followed_object *followed_object_free(struct followed_object *followed)
{
        if (!followed)
                return NULL;
        reflector_free(followed->reflector);
        json_decref(followed->listed);
        json_decref(followed->newest);
        lock_destroy(&followed->lock);
        free(followed);
        return NULL;
}

bool followed_object_take(struct followed_object *followed, json_t **ret, bool *ret_gap)
{
        bool news;

        lock_acquire(&followed->lock);
        news = followed->news;
        followed->news = false;
        if (news) {
                *ret = steal_pointer(&followed->newest);
                *ret_gap = followed->gap;
                followed->gap = false;
        }
        lock_release(&followed->lock);
        return news;
}

void followed_object_put_back(struct followed_object *followed, json_t *object)
{
        lock_acquire(&followed->lock);
        if (!followed->news) {
                followed->newest = steal_pointer(&object);
                followed->news = true;
                followed->gap = true;
        }
        lock_release(&followed->lock);
        json_decref(object);
}

void followed_object_failure(struct followed_object *followed, char *ret, size_t size)
{
        struct reflector_status status;

        reflector_status(followed->reflector, &status);
        snprintf(ret, size, "%s", status.failure);
}
