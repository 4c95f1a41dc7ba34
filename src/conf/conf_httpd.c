/* SPDX-License-Identifier: Apache-2.0 */
/* SPDX-FileCopyrightText: The Wayleave authors */
#include "conf/conf_httpd.h"

const char *const conf_httpd_modules[] = {
    "core",
    "http_core",
    "mod_access_compat",
    "mod_auth_basic",
    "mod_authn_core",
    "mod_authn_file",
    "mod_authz_core",
    "mod_authz_groupfile",
    "mod_authz_host",
    "mod_authz_user",
    "mod_log_config",
    "mod_proxy",
    "mod_proxy_connect",
    "mod_proxy_http",
    "mod_proxy_wstunnel",
    "mod_reqtimeout",
    "mod_so",
    "mod_ssl",
    "mod_unixd",
    "mod_version",
    NULL,
};

/* Ignored: nothing that the author relies on is lost. */
#define IGNORE(directive, why)                                                        \
    {                                                                                 \
        .name = (directive), .type = CONF_IGNORED, .where = UINT32_MAX, .help = (why) \
    }
#define IGNORE_SECTION(directive, why)                                                   \
    {                                                                                    \
        .name = (directive), .type = CONF_IGNORED, .where = UINT32_MAX, .section = true, \
        .help = (why)                                                                    \
    }

/* Refused: without it the proxy would do something else than its author believes. */
#define REFUSE(directive, why)                                                        \
    {                                                                                 \
        .name = (directive), .type = CONF_REFUSED, .where = UINT32_MAX, .help = (why) \
    }
#define REFUSE_SECTION(directive, why)                                                   \
    {                                                                                    \
        .name = (directive), .type = CONF_REFUSED, .where = UINT32_MAX, .section = true, \
        .help = (why)                                                                    \
    }

#define PROCESSES "a few threads serve all connections; see Workers"
#define SYSTEM    "the system's defaults are used"
#define NO_FILES  "no files are served here"
#define NO_STATE  "nothing of the kind is kept on disk"
#define REVERSE   "Wayleave is a forward proxy; keep a web server for this"
#define BALANCER  "there is no load balancer; write ProxyRemote for a parent proxy"
#define NO_CACHE  "nothing is cached; remove it, or put a cache behind us with ProxyRemote"
#define UNCHANGED \
    "URLs are not rewritten; to keep one out write ProxyBlock or a <Proxy> section"
#define FIELDS "fields are passed on unchanged; do this at the client or at the origin"
#define BODIES "bodies are passed on unchanged"
#define OWN_TLS                                                                 \
    "TLS goes through in tunnels and ends at the destination; for TLS towards " \
    "clients put stunnel in front"
#define PARENT_TLS                                                              \
    "certificates are always checked; write ProxyRemote with https:// for TLS " \
    "to a parent"
#define UNIT        "write it in the systemd unit, LimitNOFILE= and the like"
#define OTHER_LOGIN "logins are checked with AuthType Basic and AuthUserFile"
#define METHODS     "write Require method or Require not method in a section"
#define NO_CODE     "no code runs inside Wayleave; write access rules instead"
#define NO_FTP      "only http and tunnels are proxied, not ftp"
#define NO_H2       "clients are spoken to in HTTP/1.1, which is all that a proxy needs here"

/* clang-format off */
const struct directive conf_httpd_rows[] = {
    /* processes and threads */
    IGNORE("StartServers", PROCESSES), IGNORE("MinSpareServers", PROCESSES),
    IGNORE("MaxSpareServers", PROCESSES), IGNORE("MinSpareThreads", PROCESSES),
    IGNORE("MaxSpareThreads", PROCESSES), IGNORE("ThreadsPerChild", PROCESSES),
    IGNORE("ThreadLimit", PROCESSES), IGNORE("ServerLimit", PROCESSES),
    IGNORE("ThreadStackSize", PROCESSES), IGNORE("AsyncRequestWorkerFactor", PROCESSES),
    IGNORE("MaxConnectionsPerChild", PROCESSES), IGNORE("MaxRequestsPerChild", PROCESSES),
    IGNORE("MaxMemFree", PROCESSES),
    REFUSE("MaxRequestWorkers", "write MaxTunnels, the most tunnels at once"),
    REFUSE("MaxClients", "write MaxTunnels, the most tunnels at once"),
    REFUSE("RLimitCPU", UNIT), REFUSE("RLimitMEM", UNIT), REFUSE("RLimitNPROC", UNIT),
    REFUSE("ChrootDir", "write RootDirectory= in the systemd unit"),
    REFUSE("CoreDumpDirectory", "write it in sysctl kernel.core_pattern"),

    /* the server's own files */
    IGNORE("Mutex", NO_STATE), IGNORE("AcceptMutex", NO_STATE), IGNORE("LockFile", NO_STATE),
    IGNORE("DefaultRuntimeDir", NO_STATE), IGNORE("ScoreBoardFile", NO_STATE),
    IGNORE("DefaultStateDir", NO_STATE), IGNORE("LoadFile", "everything is built in"),
    IGNORE("ExtendedStatus", "the admin listener has all there is to say"),

    /* sockets */
    IGNORE("AcceptFilter", SYSTEM), IGNORE("ListenBackLog", SYSTEM),
    IGNORE("ListenCoresBucketsRatio", SYSTEM), IGNORE("SendBufferSize", SYSTEM),
    IGNORE("ReceiveBufferSize", SYSTEM), IGNORE("EnableSendfile", SYSTEM),
    IGNORE("EnableMMAP", SYSTEM), IGNORE("FlushMaxThreshold", SYSTEM),
    IGNORE("ProxyIOBufferSize", "see RelayBuffersMax"),
    IGNORE("ProxyReceiveBufferSize", SYSTEM),
    REFUSE("ProxySourceAddress", "the system chooses the address to dial from; write a route "
                                 "with src to it"),

    /* what the server says of itself */
    IGNORE("ServerAdmin", "no answer names an administrator"),
    IGNORE("ServerSignature", "answers are short and carry no footer"),
    IGNORE("ServerTokens", "answers name no version"),
    IGNORE("ErrorDocument", "refusals are answered with a short text of our own"),
    IGNORE("ErrorLogFormat", "the error log has one form"),
    IGNORE("UseCanonicalName", "no redirect is made from our own name"),
    IGNORE("UseCanonicalPhysicalPort", "no redirect is made from our own name"),
    IGNORE("HostnameLookups", "names are looked up when a rule or a log field asks for one"),
    IGNORE("BufferedLogs", "log lines are written at once"),
    IGNORE("ServerAlias", "the proxy answers under any name"),
    IGNORE("ProxyErrorOverride", "answers of origins are passed on as they are"),
    IGNORE("ProxyStatus", "see the admin listener"),
    IGNORE("ProxyAddHeaders", "no X-Forwarded-* field is added, as by httpd's forward proxy"),
    IGNORE("LimitInternalRecursion", "there are no internal redirects"),

    /* persistent connections and protocols */
    IGNORE("KeepAlive", "connections are kept whenever HTTP allows it"),
    IGNORE("MaxKeepAliveRequests", "a connection may carry any number of requests"),
    IGNORE("Protocols", NO_H2), IGNORE("ProtocolsHonorOrder", NO_H2),
    IGNORE("H2Direct", NO_H2), IGNORE("H2Push", NO_H2), IGNORE("H2Upgrade", NO_H2),
    IGNORE("HttpProtocolOptions", "requests are always judged strictly"),

    /* files */
    IGNORE("DocumentRoot", NO_FILES), IGNORE("DirectoryIndex", NO_FILES),
    IGNORE("AccessFileName", NO_FILES), IGNORE("AllowOverride", NO_FILES),
    IGNORE("Options", NO_FILES), IGNORE("IndexOptions", NO_FILES),
    IGNORE("TypesConfig", NO_FILES), IGNORE("AddType", NO_FILES),
    IGNORE("AddHandler", NO_FILES), IGNORE("AddDefaultCharset", NO_FILES),
    IGNORE("AddEncoding", NO_FILES), IGNORE("AddLanguage", NO_FILES),
    IGNORE("MIMEMagicFile", NO_FILES), IGNORE("FileETag", NO_FILES),
    IGNORE("ContentDigest", NO_FILES), IGNORE("UserDir", NO_FILES),
    IGNORE("Alias", NO_FILES), IGNORE("ScriptAlias", NO_FILES),
    IGNORE_SECTION("Directory", NO_FILES), IGNORE_SECTION("DirectoryMatch", NO_FILES),
    IGNORE_SECTION("Files", NO_FILES), IGNORE_SECTION("FilesMatch", NO_FILES),

    /* sections */
    REFUSE_SECTION("VirtualHost", "a file is one proxy; write its content at server level, and "
                                  "start a second proxy with a file of its own for another"),
    REFUSE("NameVirtualHost", "a file is one proxy"),
    REFUSE_SECTION("Location", "write <Proxy http://host/path*>"),
    REFUSE_SECTION("LocationMatch", "write <ProxyMatch regex>"),
    REFUSE_SECTION("Limit", METHODS), REFUSE_SECTION("LimitExcept", METHODS),
    REFUSE_SECTION("If", "expressions are not understood; write <Proxy> sections and Require"),
    REFUSE_SECTION("ElseIf", "expressions are not understood; write <Proxy> sections and "
                             "Require"),
    REFUSE_SECTION("Else", "expressions are not understood; write <Proxy> sections and "
                           "Require"),
    REFUSE_SECTION("Macro", "write Define and Include"), REFUSE("Use", "write Define and Include"),
    REFUSE_SECTION("IfFile", "write IncludeOptional"),
    REFUSE_SECTION("IfDirective", "write IfVersion or IfModule"),
    REFUSE_SECTION("IfSection", "write IfVersion or IfModule"),

    /* a reverse proxy's */
    REFUSE("ProxyPass", REVERSE), REFUSE("ProxyPassMatch", REVERSE),
    REFUSE("ProxyPassReverse", REVERSE), REFUSE("ProxyPassReverseCookieDomain", REVERSE),
    REFUSE("ProxyPassReverseCookiePath", REVERSE), REFUSE("ProxyPassInherit", REVERSE),
    REFUSE("ProxyPassInterpolateEnv", REVERSE), REFUSE("ProxySCGIInternalRedirect", REVERSE),
    REFUSE("ProxyExpressEnable", REVERSE), REFUSE("ProxyHTMLEnable", REVERSE),
    REFUSE("BalancerMember", BALANCER), REFUSE("BalancerGrowth", BALANCER),
    REFUSE("BalancerPersist", BALANCER), REFUSE("ProxySet", BALANCER),
    REFUSE("ProxyHCExpr", BALANCER),
    IGNORE("ProxyWebsocketFallbackToProxyHttp", "an upgrade becomes a tunnel after a valid 101, "
                                                "and is an ordinary answer otherwise"),

    /* TLS */
    REFUSE("SSLEngine", OWN_TLS), REFUSE("SSLCertificateFile", OWN_TLS),
    REFUSE("SSLCertificateKeyFile", OWN_TLS), REFUSE("SSLCertificateChainFile", OWN_TLS),
    REFUSE("SSLCACertificateFile", OWN_TLS), REFUSE("SSLVerifyClient", OWN_TLS),
    REFUSE("SSLRequire", OWN_TLS), REFUSE("SSLRequireSSL", OWN_TLS),
    REFUSE("SSLOptions", OWN_TLS), REFUSE("SSLUserName", OWN_TLS),
    IGNORE("SSLProtocol", OWN_TLS), IGNORE("SSLCipherSuite", OWN_TLS),
    IGNORE("SSLHonorCipherOrder", OWN_TLS), IGNORE("SSLSessionCache", OWN_TLS),
    IGNORE("SSLSessionCacheTimeout", OWN_TLS), IGNORE("SSLSessionTickets", OWN_TLS),
    IGNORE("SSLRandomSeed", "randomness is the system's"),
    IGNORE("SSLPassPhraseDialog", OWN_TLS), IGNORE("SSLUseStapling", OWN_TLS),
    REFUSE("SSLProxyEngine", PARENT_TLS), REFUSE("SSLProxyVerify", PARENT_TLS),
    REFUSE("SSLProxyCheckPeerName", PARENT_TLS), REFUSE("SSLProxyCheckPeerCN", PARENT_TLS),
    REFUSE("SSLProxyCheckPeerExpire", PARENT_TLS), REFUSE("SSLProxyCACertificateFile", PARENT_TLS),
    REFUSE("SSLProxyMachineCertificateFile", PARENT_TLS), REFUSE("SSLProxyProtocol", PARENT_TLS),
    REFUSE("SSLProxyCipherSuite", PARENT_TLS),

    /* caching, rewriting, changing */
    REFUSE("CacheEnable", NO_CACHE), REFUSE("CacheRoot", NO_CACHE),
    REFUSE("CacheDisable", NO_CACHE), REFUSE("CacheDirLevels", NO_CACHE),
    REFUSE("CacheDirLength", NO_CACHE), REFUSE("CacheMaxFileSize", NO_CACHE),
    REFUSE("CacheDefaultExpire", NO_CACHE), REFUSE("CacheMaxExpire", NO_CACHE),
    REFUSE("CacheLastModifiedFactor", NO_CACHE), REFUSE("CacheIgnoreCacheControl", NO_CACHE),
    REFUSE("CacheSize", NO_CACHE), REFUSE("CacheGcInterval", NO_CACHE),
    REFUSE("CacheForceCompletion", NO_CACHE), REFUSE("NoCache", NO_CACHE),
    REFUSE("RewriteEngine", UNCHANGED), REFUSE("RewriteRule", UNCHANGED),
    REFUSE("RewriteCond", UNCHANGED), REFUSE("RewriteMap", UNCHANGED),
    REFUSE("Redirect", UNCHANGED), REFUSE("RedirectMatch", UNCHANGED),
    REFUSE("Header", FIELDS), REFUSE("RequestHeader", FIELDS),
    REFUSE("SetOutputFilter", BODIES), REFUSE("SetInputFilter", BODIES),
    REFUSE("AddOutputFilter", BODIES), REFUSE("AddOutputFilterByType", BODIES),
    REFUSE("ExtFilterDefine", BODIES), REFUSE("Substitute", BODIES),
    REFUSE("SetHandler", "handlers do not exist here; for server-status see the admin listener"),

    /* who may, by other means */
    REFUSE("TraceEnable", "write Require not method TRACE in a <RequireAll>"),
    REFUSE("AllowMethods", METHODS),
    REFUSE("AuthDigestProvider", OTHER_LOGIN), REFUSE("AuthDigestDomain", OTHER_LOGIN),
    REFUSE("AuthLDAPURL", OTHER_LOGIN), REFUSE("AuthLDAPBindDN", OTHER_LOGIN),
    REFUSE("AuthDBMUserFile", OTHER_LOGIN), REFUSE("AuthDBDUserPWQuery", OTHER_LOGIN),
    REFUSE("AuthFormProvider", OTHER_LOGIN), REFUSE("Anonymous", OTHER_LOGIN),
    REFUSE_SECTION("AuthnProviderAlias", OTHER_LOGIN),
    REFUSE_SECTION("AuthzProviderAlias", OTHER_LOGIN),
    REFUSE("AuthMerging", "a later section replaces the Require lines of an earlier one"),
    REFUSE("RemoteIPHeader", "a client is known by the address that it connects from"),
    REFUSE("RemoteIPInternalProxy", "a client is known by the address that it connects from"),
    REFUSE("RemoteIPProxyProtocol", "a client is known by the address that it connects from"),
    REFUSE("LimitRequestBody", "bodies are streamed in bounded memory, whatever their size"),
    REFUSE("SecRuleEngine", NO_CODE), REFUSE("LuaHookAccessChecker", NO_CODE),
    REFUSE("QS_SrvMaxConnPerIP", "write TunnelsPerClient"),
    REFUSE("BandWidth", "rates are not limited; let the system do it, with tc"),

    /* other protocols and logs */
    IGNORE("ProxyFtpDirCharset", NO_FTP), IGNORE("ProxyFtpListOnWildcard", NO_FTP),
    IGNORE("ProxyFtpEscapeWildcards", NO_FTP),
    REFUSE("SocksProxy", "SOCKS is not spoken"),
    REFUSE("CookieTracking", "clients are not tracked"),
    REFUSE("ForensicLog", "write CustomLog and LogLevel debug"),
    REFUSE("GlobalLog", "write CustomLog"), REFUSE("CookieLog", "write CustomLog"),
    {.name = NULL},
};
/* clang-format on */
