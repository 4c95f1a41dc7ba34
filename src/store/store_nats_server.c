/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "store/store_nats_server.h"

#include "store/store_nats_entry.h"
#include "store/store_nats_url.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum {
    CONNECT_WAIT = 3000,   /* ms, for each server of the list */
    RECONNECT_WAIT = 250,  /* ms, after each round through the list */
    PING_INTERVAL = 2000,  /* ms: a server that is silent is given up after two of them */
    WRITE_WAIT = 3000,     /* ms: libnats lets nobody else in while it writes */
    PART_MAX = 512 * 1024, /* bytes: larger entries are cut, whatever the server would take */
    PART_MIN = 4 * 1024,
    URL_BYTES = 300,
    DUPLICATES_WINDOW = 100, /* ms: we number messages ourselves */
    QUESTION_WAIT = 2000,    /* ms: then it is asked again, until the timeout */
    QUESTION_PAUSE = 100,    /* ms */
};

/* What the log is made of, and by what kind of machine: a realm of another kind stays away. */
static const char *description(void)
{
    static const uint16_t one = 1;

    return *(const uint8_t *)&one == 1 ? "wayleave log 2, little-endian"
                                       : "wayleave log 2, big-endian";
}

static void say(char fault[STORE_NATS_SERVER_FAULT_BYTES], const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(char fault[STORE_NATS_SERVER_FAULT_BYTES], const char *format, ...)
{
    va_list args;

    va_start(args, format);
    (void)vsnprintf(fault, STORE_NATS_SERVER_FAULT_BYTES, format, args);
    va_end(args);
}

/* ---- connecting ---- */

/* Its own would print to stderr. */
static void on_fault(natsConnection *nats, natsSubscription *sub, natsStatus status, void *ctx)
{
    (void)nats, (void)sub, (void)status, (void)ctx;
}

static natsStatus set_servers(natsOptions *opts, const struct store_nats_url *url)
{
    char texts[STORE_NATS_URL_SERVERS_MAX][URL_BYTES];
    const char *servers[STORE_NATS_URL_SERVERS_MAX];

    for (size_t i = 0; i < url->server_count; i++) {
        int len = snprintf(texts[i], URL_BYTES, "%s://%.*s", url->is_tls ? "tls" : "nats",
                           SPAN_ARG(url->servers[i]));

        if (len >= URL_BYTES) {
            return NATS_INVALID_ARG;
        }
        servers[i] = texts[i];
    }
    return natsOptions_SetServers(opts, servers, (int)url->server_count);
}

static natsStatus set_user(natsOptions *opts, const struct store_nats_url *url)
{
    char user[STORE_NATS_URL_BYTES_MAX];
    char password[STORE_NATS_URL_BYTES_MAX];

    if (url->user.len == 0) {
        return NATS_OK;
    }
    (void)snprintf(user, sizeof user, "%.*s", SPAN_ARG(url->user));
    (void)snprintf(password, sizeof password, "%.*s", SPAN_ARG(url->password));
    return natsOptions_SetUserInfo(opts, user, password);
}

static natsStatus set_options(natsOptions *opts, const struct store_nats_server_conf *conf,
                              const struct store_nats_url *url)
{
    natsStatus s = set_servers(opts, url);

#define AND(call) s = s == NATS_OK ? (call) : s
    AND(set_user(opts, url));
    AND(url->is_tls ? natsOptions_SetSecure(opts, true) : NATS_OK);
    AND(natsOptions_SetName(opts, "wayleave realm"));
    AND(natsOptions_SetTimeout(opts, CONNECT_WAIT));
    AND(natsOptions_SetMaxReconnect(opts, -1));
    AND(natsOptions_SetReconnectWait(opts, RECONNECT_WAIT));
    AND(natsOptions_SetReconnectJitter(opts, RECONNECT_WAIT / 2, RECONNECT_WAIT / 2));
    AND(natsOptions_SetReconnectBufSize(opts, 1)); /* we send again what is to be sent */
    AND(natsOptions_SetPingInterval(opts, PING_INTERVAL));
    AND(natsOptions_SetMaxPingsOut(opts, 2));
    AND(natsOptions_SetWriteDeadline(opts, WRITE_WAIT));
    AND(natsOptions_SetSendAsap(opts, true)); /* otherwise nobody is told that it passed */
    AND(natsOptions_SetFailRequestsOnDisconnect(opts, true));
    AND(natsOptions_SetErrorHandler(opts, on_fault, NULL));
    AND(natsOptions_SetDisconnectedCB(opts, conf->on_lost, conf->ctx));
    AND(natsOptions_SetReconnectedCB(opts, conf->on_back, conf->ctx));
    AND(natsOptions_SetClosedCB(opts, conf->on_closed, conf->ctx));
#undef AND
    return s;
}

/* Who is asked, without the password. */
static const char *servers_text(const struct store_nats_url *url, char *room, size_t bytes)
{
    size_t used = 0;

    room[0] = '\0';
    for (size_t i = 0; i < url->server_count && used < bytes; i++) {
        used += (size_t)snprintf(room + used, bytes - used, "%s%.*s", i == 0 ? "" : ",",
                                 SPAN_ARG(url->servers[i]));
    }
    return room;
}

static enum err refuse_connection(const struct store_nats_url *url, natsStatus status,
                                  char *fault)
{
    char servers[128];

    servers_text(url, servers, sizeof servers);
    if (status == NATS_NO_MEMORY) {
        say(fault, "out of memory");
        return ERR_NOMEM;
    }
    if (status == NATS_CONNECTION_AUTH_FAILED) {
        say(fault, "the NATS server at %s does not accept the user and the password of the URL",
            servers);
        return ERR_CONF;
    }
    if (status == NATS_SSL_ERROR || status == NATS_SECURE_CONNECTION_REQUIRED ||
        status == NATS_SECURE_CONNECTION_WANTED) {
        say(fault,
            "no TLS with the NATS server at %s: %s (tls:// needs a certificate that "
            "this machine trusts; see SSL_CERT_FILE)",
            servers, natsStatus_GetText(status));
        return ERR_CONF;
    }
    say(fault, "no NATS server answers at %s: %s (start it, or correct the URL)", servers,
        natsStatus_GetText(status));
    return ERR_IO;
}

static enum err connect_to(struct store_nats_server *server,
                           const struct store_nats_server_conf *conf, char *fault)
{
    struct store_nats_url url;
    natsOptions *opts = NULL;
    const char *why;
    natsStatus s;
    enum err e = store_nats_url_read(conf->url, &url, &why);

    if (e != OK) {
        say(fault, "the URL %s", why);
        return e;
    }
    s = natsOptions_Create(&opts);
    s = s == NATS_OK ? set_options(opts, conf, &url) : s;
    s = s == NATS_OK ? natsConnection_Connect(&server->nats, opts) : s;
    natsOptions_Destroy(opts);
    return s == NATS_OK ? OK : refuse_connection(&url, s, fault);
}

/* ---- the streams ---- */

/* libnats puts "(file.c:123): " in front. */
const char *store_nats_server_said(void)
{
    const char *text = nats_GetLastError(NULL);
    const char *behind = text == NULL ? NULL : strstr(text, "): ");

    return text == NULL ? "no reason is given" : behind == NULL ? text : behind + 3;
}

static enum err refuse_stream(const char *name, natsStatus status, jsErrCode code, char *fault)
{
    if (status == NATS_NO_RESPONDERS || code == JSNotEnabledErr ||
        code == JSNotEnabledForAccountErr) {
        say(fault, "the NATS server has no JetStream (start it with -js, or allow it to this "
                   "user)");
        return ERR_CONF;
    }
    if (status == NATS_NO_MEMORY) {
        say(fault, "out of memory");
        return ERR_NOMEM;
    }
    if (status == NATS_NOT_PERMITTED || status == NATS_TIMEOUT) {
        /* What a user may not ask is not answered. */
        say(fault, "JetStream does not answer about its stream %s (may this user ask $JS.API?)",
            name);
        return ERR_CONF;
    }
    if (code == JSStreamReplicasNotSupportedErr || code == JSClusterNoPeersErr) {
        say(fault,
            "the NATS server has not as many servers in its cluster as StoreReplicas says "
            "(set StoreReplicas 1, or start more)");
        return ERR_CONF;
    }
    if (code == JSStreamSubjectOverlapErr) {
        say(fault,
            "another JetStream stream has the subjects of the stream %s (choose another "
            "StoreRealm, or remove that one)",
            name);
        return ERR_CONF;
    }
    say(fault, "JetStream refuses the stream %s: %s (%d)", name, store_nats_server_said(),
        (int)code);
    return ERR_IO;
}

static enum err check_stream(const char *name, const jsStreamInfo *info, unsigned replicas,
                             char *fault)
{
    const char *found = info->Config->Description;

    if (found == NULL || strcmp(found, description()) != 0) {
        say(fault,
            "the JetStream stream %s is \"%s\", and this realm needs \"%s\" (choose "
            "another StoreRealm)",
            name, found == NULL ? "" : found, description());
        return ERR_CONF;
    }
    if (info->Config->Replicas != (int64_t)replicas) {
        say(fault,
            "the JetStream stream %s has %d replicas, and StoreReplicas is %u (all "
            "realms of one StoreRealm must agree)",
            name, (int)info->Config->Replicas, replicas);
        return ERR_CONF;
    }
    return OK;
}

static natsStatus find_or_add(struct store_nats_server *server, jsStreamConfig *config,
                              jsStreamInfo **ret_info, jsErrCode *ret_code)
{
    natsStatus s;

    *ret_code = 0;
    s = js_GetStreamInfo(ret_info, server->js, config->Name, NULL, ret_code);
    if (s == NATS_NOT_FOUND) {
        s = js_AddStream(ret_info, server->js, config, NULL, ret_code);
        if (s != NATS_OK && *ret_code == JSStreamNameExistErr) { /* another realm starts, too */
            s = js_GetStreamInfo(ret_info, server->js, config->Name, NULL, ret_code);
        }
    }
    if (s == NATS_OK && (*ret_info)->Created == 0) { /* 2.9, while another realm makes it */
        jsStreamInfo_Destroy(*ret_info);
        *ret_info = NULL;
        s = NATS_TIMEOUT;
    }
    return s;
}

/* A cluster that has just begun, or has just lost a server, chooses who leads: until then it
 * does not answer, or says so. And 2.9 may say that our stream overlaps with another one, which
 * is the same that another realm makes; should it be true, it is not waited for as long. */
static bool may_pass(natsStatus status, jsErrCode code, int64_t since)
{
    return status == NATS_TIMEOUT || code == JSClusterNotAvailErr ||
           code == JSClusterNoPeersErr ||
           (code == JSStreamSubjectOverlapErr && nats_Now() - since < QUESTION_WAIT);
}

static enum err make_stream(struct store_nats_server *server, const char *name,
                            const char **subjects, int subject_count, unsigned replicas,
                            char *fault)
{
    int64_t since = nats_Now();
    jsStreamConfig config;
    jsStreamInfo *info = NULL;
    jsErrCode code = 0;
    natsStatus s;
    enum err e;

    (void)jsStreamConfig_Init(&config);
    config.Name = name;
    config.Description = description();
    config.Subjects = subjects;
    config.SubjectsLen = subject_count;
    config.Storage = js_FileStorage;
    config.Discard = js_DiscardNew; /* what was told to be stored never goes by itself */
    config.Replicas = replicas;
    config.Duplicates = DUPLICATES_WINDOW * (int64_t)1000000;
    s = find_or_add(server, &config, &info, &code);
    while (may_pass(s, code, since) && nats_Now() - since < server->timeout) {
        nats_Sleep(QUESTION_PAUSE);
        s = find_or_add(server, &config, &info, &code);
    }
    if (s != NATS_OK) {
        return refuse_stream(name, s, code, fault);
    }
    e = check_stream(name, info, replicas, fault);
    server->created = info->Created; /* the log's, which is made last */
    jsStreamInfo_Destroy(info);
    return e;
}

static enum err make_streams(struct store_nats_server *server, unsigned replicas, char *fault)
{
    const char *log_subjects[] = {server->log_subject};
    const char *snap_subjects[] = {server->snap_subjects};

    TRY(make_stream(server, server->snap, snap_subjects, 1, replicas, fault));
    return make_stream(server, server->log, log_subjects, 1, replicas, fault);
}

static void name_all(struct store_nats_server *server, struct span realm)
{
    size_t bytes = STORE_NATS_SERVER_NAME_BYTES;

    assert(realm.len <= STORE_NATS_SERVER_REALM_MAX);
    (void)snprintf(server->log, bytes, "%.*s-log", SPAN_ARG(realm));
    (void)snprintf(server->snap, bytes, "%.*s-snap", SPAN_ARG(realm));
    (void)snprintf(server->log_subject, bytes, "%.*s.log", SPAN_ARG(realm));
    (void)snprintf(server->snap_subject, bytes, "%.*s.snap.piece", SPAN_ARG(realm));
    (void)snprintf(server->snap_subjects, bytes, "%.*s.snap.*", SPAN_ARG(realm));
    (void)snprintf(server->end_subject, bytes, "%.*s.snap.end", SPAN_ARG(realm));
}

static enum err hear_answers(struct store_nats_server *server,
                             const struct store_nats_server_conf *conf)
{
    char subject[128];
    natsStatus s = natsInbox_Create(&server->inbox);

    if (s == NATS_OK) {
        (void)snprintf(subject, sizeof subject, "%s.*", server->inbox);
        s = natsConnection_Subscribe(&server->answers, server->nats, subject, conf->on_answer,
                                     conf->ctx);
    }
    if (s == NATS_OK) {
        s = natsSubscription_SetOnCompleteCB(server->answers, conf->on_answered, conf->ctx);
    }
    return s == NATS_OK ? OK : ERR_NOMEM;
}

/* Of libnats for itself: version 3.4 tells nobody else. NULL where it is hidden. */
extern bool natsConn_srvVersionAtLeast(natsConnection *nats, int major, int minor, int update)
    __attribute__((weak));

/* From 2.2 on there is JetStream, but some of what we ask for came later, and a server
 * overlooks what it does not know of a question. */
static bool is_too_old(natsConnection *nats)
{
    return natsConnection_HasHeaderSupport(nats) != NATS_OK || /* before 2.2 */
           (natsConn_srvVersionAtLeast != NULL && !natsConn_srvVersionAtLeast(nats, 2, 9, 0));
}

enum err store_nats_server_open(struct store_nats_server *server,
                                const struct store_nats_server_conf *conf,
                                char fault[STORE_NATS_SERVER_FAULT_BYTES])
{
    jsOptions opts;
    int64_t payload;

    *server = (struct store_nats_server){.timeout = conf->timeout};
    name_all(server, conf->realm);
    TRY(connect_to(server, conf, fault));
    if (is_too_old(server->nats)) {
        say(fault, "the NATS server is too old (2.9 or newer is needed)");
        return ERR_CONF;
    }
    payload = natsConnection_GetMaxPayload(server->nats);
    if (payload < PART_MIN) {
        say(fault,
            "the NATS server takes messages of %" PRId64 " bytes only (raise "
            "max_payload)",
            payload);
        return ERR_CONF;
    }
    server->part_max = payload < PART_MAX ? (size_t)payload : PART_MAX;
    say(fault, "out of memory");
    (void)jsOptions_Init(&opts);
    opts.Wait = conf->timeout < QUESTION_WAIT ? conf->timeout : QUESTION_WAIT;
    if (natsConnection_JetStream(&server->js, server->nats, &opts) != NATS_OK) {
        return ERR_NOMEM;
    }
    TRY(hear_answers(server, conf));
    return make_streams(server, conf->replicas, fault);
}

void store_nats_server_end(struct store_nats_server *server)
{
    if (server->nats != NULL) {
        natsConnection_Close(server->nats);
    }
}

void store_nats_server_close(struct store_nats_server *server)
{
    natsSubscription_Destroy(server->answers);
    natsSubscription_Destroy(server->left);
    natsSubscription_Destroy(server->kept);
    natsInbox_Destroy(server->inbox);
    jsCtx_Destroy(server->js);
    natsConnection_Destroy(server->nats);
    *server = (struct store_nats_server){.nats = NULL};
}

/* ---- questions ---- */

enum err store_nats_server_extent(struct store_nats_server *server,
                                  struct store_nats_server_extent *ret_extent)
{
    jsStreamInfo *info = NULL;
    natsStatus s = js_GetStreamInfo(&info, server->js, server->log, NULL, NULL);

    if (s != NATS_OK) {
        return s == NATS_NOT_FOUND ? ERR_AGAIN : ERR_CLOSED;
    }
    /* The thread that reads has brought the answer: it has nothing older in hand. */
    natsSubscription_Destroy(server->left);
    server->left = NULL;
    *ret_extent = (struct store_nats_server_extent){
        .created = info->Created,
        .first = info->State.Msgs == 0 ? info->State.LastSeq + 1 : info->State.FirstSeq,
        .last = info->State.LastSeq,
    };
    jsStreamInfo_Destroy(info);
    return OK;
}

enum err store_nats_server_publish(struct store_nats_server *server, struct span bytes,
                                   const char *name)
{
    char reply[128];
    natsStatus s;

    (void)snprintf(reply, sizeof reply, "%s.%s", server->inbox, name);
    s = natsConnection_PublishRequest(server->nats, server->log_subject, reply, bytes.ptr,
                                      (int)bytes.len);
    /* Otherwise the connection is lost: all that has no answer is sent again then. */
    return s == NATS_TIMEOUT ? ERR_CLOSED : OK;
}

/* {"error":{"code":503,"err_code":10077,"description":"..."},...} is all that is looked for. */
bool store_nats_server_refuses(struct span answer, int *ret_code)
{
    static const char key[] = "\"err_code\":";
    char text[512];
    const char *at;
    size_t len = answer.len < sizeof text - 1 ? answer.len : sizeof text - 1;

    memcpy(text, answer.ptr, len);
    text[len] = '\0';
    at = strstr(text, key);
    *ret_code = at == NULL ? 0 : atoi(at + sizeof key - 1);
    return strstr(text, "\"error\":") != NULL;
}

enum err store_nats_server_save(struct store_nats_server *server, struct span bytes,
                                bool is_end, uint64_t *ret_seq)
{
    jsPubAck *ack = NULL;
    jsErrCode code = 0;
    natsStatus s =
        js_Publish(&ack, server->js, is_end ? server->end_subject : server->snap_subject,
                   bytes.ptr, (int)bytes.len, NULL, &code);

    if (s != NATS_OK) {
        return code != 0 ? ERR_LIMIT : ERR_CLOSED;
    }
    *ret_seq = ack->Sequence;
    jsPubAck_Destroy(ack);
    return OK;
}

enum err store_nats_server_last_snapshot(struct store_nats_server *server, natsMsg **ret_msg)
{
    natsStatus s =
        js_GetLastMsg(ret_msg, server->js, server->snap, server->end_subject, NULL, NULL);

    return s == NATS_OK ? OK : s == NATS_NOT_FOUND ? ERR_AGAIN : ERR_CLOSED;
}

bool store_nats_server_purge(struct store_nats_server *server, const char *stream, uint64_t seq)
{
    jsOptions opts;

    if (seq <= 1) {
        return true; /* the server would take it for "all" */
    }
    (void)jsOptions_Init(&opts);
    opts.Stream.Purge.Sequence = seq;
    return js_PurgeStream(server->js, stream, &opts, NULL) == NATS_OK;
}
