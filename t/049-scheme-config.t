use lib 't/lib';
use WebhookTest 'no_plan';

# What nginx -t says to a "webhook_scheme" that can't be meant, and to secrets
# that do not fit one.

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('request', 'GET /');
    $block->set_value('no_error_log', ['hush', '[alert]']);
});

repeat_each(1);
run_tests();

__DATA__

=== TEST 1: a name that is built in
--- http_config
webhook_scheme github {
    signature X-Sig;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme github" is built in: use another name in \S+/conf/nginx\.conf:\d+$}



=== TEST 2: a name that is taken
--- http_config
webhook_scheme own {
    signature X-Sig;
}
webhook_scheme own {
    signature X-Sig;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" is duplicate: use another name in \S+/conf/nginx\.conf:\d+$}



=== TEST 3: a name that means something else
--- http_config
webhook_scheme off {
    signature X-Sig;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid name "off" of a "webhook_scheme": letters, digits, "-" and "_" are allowed, and not "off" in \S+/conf/nginx\.conf:\d+$}



=== TEST 4: a name of other characters
--- http_config
webhook_scheme a.b {
    signature X-Sig;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid name "a\.b" of a "webhook_scheme": .* in \S+/conf/nginx\.conf:\d+$}



=== TEST 5: no signature
--- http_config
webhook_scheme own {
    timestamp X-Time;
    content "$timestamp.$body";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" needs a "signature" line, which names the header that has the signature in \S+/conf/nginx\.conf:\d+$}



=== TEST 6: an empty block
--- http_config
webhook_scheme own {
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" needs a "signature" line.* in \S+/conf/nginx\.conf:\d+$}



=== TEST 7: an unknown directive
--- http_config
webhook_scheme own {
    signature X-Sig;
    header X-Sig;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*unknown directive "header" in "webhook_scheme own": "signature", "timestamp", "id", "content", "digest" and "secret" are allowed in \S+/conf/nginx\.conf:\d+$}



=== TEST 8: signature twice
--- http_config
webhook_scheme own {
    signature X-Sig;
    signature X-Sig;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 9: timestamp twice
--- http_config
webhook_scheme own {
    signature X-Sig;
    timestamp X-Time;
    timestamp X-Time;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"timestamp" of "webhook_scheme own" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 10: id twice
--- http_config
webhook_scheme own {
    signature X-Sig;
    id X-Id;
    id X-Id;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"id" of "webhook_scheme own" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 11: content twice
--- http_config
webhook_scheme own {
    signature X-Sig;
    content $body;
    content $body;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"content" of "webhook_scheme own" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 12: digest twice
--- http_config
webhook_scheme own {
    signature X-Sig;
    digest hmac-sha1;
    digest hmac-sha1;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"digest" of "webhook_scheme own" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 13: secret twice
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret hex;
    secret hex;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"secret" of "webhook_scheme own" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 14: a line without a parameter
--- http_config
webhook_scheme own {
    signature;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has an invalid number of arguments in \S+/conf/nginx\.conf:\d+$}



=== TEST 15: a line with too many
--- http_config
webhook_scheme own {
    signature X-Sig;
    id X-Id X-Other;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"id" of "webhook_scheme own" has an invalid number of arguments in \S+/conf/nginx\.conf:\d+$}



=== TEST 16: a header that is none
--- http_config
webhook_scheme own {
    signature "X Sig";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid header name "X Sig" in \S+/conf/nginx\.conf:\d+$}



=== TEST 17: an unknown parameter
--- http_config
webhook_scheme own {
    signature X-Sig unit=s;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has an unknown parameter in \S+/conf/nginx\.conf:\d+$}



=== TEST 18: a parameter of another line
--- http_config
webhook_scheme own {
    signature X-Sig;
    timestamp X-Time prefix=t;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"timestamp" of "webhook_scheme own" has an unknown parameter in \S+/conf/nginx\.conf:\d+$}



=== TEST 19: a parameter twice
--- http_config
webhook_scheme own {
    signature X-Sig part=a part=b;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has a parameter twice in \S+/conf/nginx\.conf:\d+$}



=== TEST 20: an encoding twice
--- http_config
webhook_scheme own {
    signature X-Sig encoding=hex encoding=hex;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has a parameter twice in \S+/conf/nginx\.conf:\d+$}



=== TEST 21: an empty parameter
--- http_config
webhook_scheme own {
    signature X-Sig separator=;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has an empty parameter: leave it out in \S+/conf/nginx\.conf:\d+$}



=== TEST 22: a quoted separator
--- http_config
webhook_scheme own {
    signature X-Sig part=v1 separator=";";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has a quote inside of a parameter: quote all of it, as in "separator=;" in \S+/conf/nginx\.conf:\d+$}



=== TEST 23: a quoted prefix
--- http_config
webhook_scheme own {
    signature X-Sig prefix='v1,';
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has a quote inside of a parameter: quote all of it, as in "separator=;" in \S+/conf/nginx\.conf:\d+$}



=== TEST 24: an unknown encoding
--- http_config
webhook_scheme own {
    signature X-Sig encoding=raw;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"signature" of "webhook_scheme own" has an unknown encoding: "hex", "base64" and "base64url" are known in \S+/conf/nginx\.conf:\d+$}



=== TEST 25: an unknown unit
--- http_config
webhook_scheme own {
    signature X-Sig;
    timestamp X-Time unit=us;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"timestamp" of "webhook_scheme own" has an unknown unit: "s", "ms", "rfc3339" and "http" are known in \S+/conf/nginx\.conf:\d+$}



=== TEST 26: an unknown digest
--- http_config
webhook_scheme own {
    signature X-Sig;
    digest md5;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"digest" of "webhook_scheme own" is not known: "hmac-sha256", "hmac-sha1", "hmac-sha512", "ed25519", "ecdsa-sha256", "rsa-sha256" and "rsa-sha512" are in \S+/conf/nginx\.conf:\d+$}



=== TEST 27: an unknown encoding of secrets
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret base32;
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"secret" of "webhook_scheme own" has an unknown encoding: "raw", "hex", "base64" and "base64url" are known in \S+/conf/nginx\.conf:\d+$}



=== TEST 28: an empty content
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"content" of "webhook_scheme own" has an empty text: "\$body" is needed in \S+/conf/nginx\.conf:\d+$}



=== TEST 29: a content without the body
--- http_config
webhook_scheme own {
    signature X-Sig;
    timestamp X-Time;
    content "$timestamp";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" has to have "\$body" in its "content" exactly once in \S+/conf/nginx\.conf:\d+$}



=== TEST 30: a content with the body twice
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "$body.${body}";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" has to have "\$body" in its "content" exactly once in \S+/conf/nginx\.conf:\d+$}



=== TEST 31: a dollar without a name
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "$body$";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" has a "\$" in its "content" that no variable\'s name follows in \S+/conf/nginx\.conf:\d+$}



=== TEST 32: a brace that is not closed
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "${body.";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" has a "\$" in its "content" that no variable\'s name follows in \S+/conf/nginx\.conf:\d+$}



=== TEST 33: an id without a header
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "$id.$body";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" has "\$id" in its "content", but no "id" line that names a header in \S+/conf/nginx\.conf:\d+$}



=== TEST 34: a timestamp without a header
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "$timestamp.$body";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" has "\$timestamp" in its "content", but no "timestamp" line that names a header in \S+/conf/nginx\.conf:\d+$}



=== TEST 35: the body by its other name
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "$request_body$body";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_scheme own" has "\$request_body" in its "content", which is empty until the body has been read: "\$body" is the one to use in \S+/conf/nginx\.conf:\d+$}



=== TEST 36: an unknown variable
--- http_config
webhook_scheme own {
    signature X-Sig;
    content "$bodi$body";
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*unknown variable "\$bodi" in the "content" of "webhook_scheme own" in \S+/conf/nginx\.conf:\d+: "\$body", "\$timestamp", "\$id" and nginx\'s own are known}



=== TEST 37: a block inside
--- http_config
webhook_scheme own {
    signature {
    }
}
--- config
--- must_die
--- error_log eval
qr{\[emerg\] .*unexpected "\{" in \S+/conf/nginx\.conf:\d+$}



=== TEST 38: a scheme that no block before defines
--- http_config
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own hush;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has an unknown scheme: "standard", "github", "stripe", "slack" and "shopify" are built in, and the "webhook_scheme" of any other has to stand before it in \S+/conf/nginx\.conf:\d+$}



=== TEST 39: a tolerance without a timestamp
--- http_config
webhook_scheme own {
    signature X-Sig;
}
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own hush tolerance=5m;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a "tolerance=", but its scheme no timestamp in \S+/conf/nginx\.conf:\d+$}



=== TEST 40: a secret that is not hex
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret hex;
}
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own hush;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a secret that is not hex, which its scheme expects in \S+/conf/nginx\.conf:\d+$}



=== TEST 41: a secret of an odd number of digits
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret hex;
}
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own abc;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a secret that is not hex, which its scheme expects in \S+/conf/nginx\.conf:\d+$}



=== TEST 42: a secret that is not base64
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret base64 prefix=whsec_;
}
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own whsec_hush!;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a secret that is not base64, which its scheme expects in \S+/conf/nginx\.conf:\d+$}



=== TEST 43: a secret that is a prefix only
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret base64 prefix=whsec_;
}
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own whsec_;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a secret that is not base64, which its scheme expects in \S+/conf/nginx\.conf:\d+$}



=== TEST 44: a secret of too much padding
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret base64url;
}
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own aA===;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a secret that is not base64, which its scheme expects in \S+/conf/nginx\.conf:\d+$}



=== TEST 45: the same secret, written in two ways
--- http_config
webhook_scheme own {
    signature X-Sig;
    secret hex;
}
--- config
    location /hook/ {
        webhook signed;
        webhook_signature own abcd ABCD;
        return 204;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive has a duplicate secret in \S+/conf/nginx\.conf:\d+$}
