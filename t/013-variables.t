use lib 't/lib';
use WebhookTest 'no_plan';

# The variables, in headers to the upstream and back, in logs and in maps.

use HTTPClient qw(chunks);
use LuzmoEvent qw($User $Key $Headers payload post);

our $Uuid = '[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}';

# The upstream answers with what it was told in headers.
our $Http = <<'END';
    server_tokens off;

    log_format variables
        'log: $webhook_provider $webhook_event "$webhook_reason" '
        '[$webhook_field_slug] [$webhook_field_user_id] '
        '[$webhook_field_dataset_id]';

    map $webhook_event $kind {
        data_updated  update;
        ~^data_       other;
        default       none;
    }

    map $webhook_reason $refused {
        ''       0;
        default  1;
    }

    map $webhook_field_dataset_id $dataset {
        volatile;
        ~^(?<first>\w+)  $first;
        default          none;
    }

    map $webhook_field_slug $early {
        default  <$webhook_field_slug>;
        ''       none;
    }

    map $webhook_field_slug $again {
        volatile;
        default  <$webhook_field_slug>;
        ''       none;
    }

    limit_req_zone $early$again zone=early:1m rate=1000r/s;

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;
        large_client_header_buffers 4 64k;

        location / {
            add_header X-Id $http_x_id;
            return 200 "$http_x_variables\n";
        }

        location /accel/ {
            add_header X-Accel-Redirect @accel;
            return 200;
        }
    }
END

our $Config = <<'END';
    large_client_header_buffers 4 64k;

    location /hook/ {
        webhook luzmo;
        webhook_secret right slug=acme;

        access_log logs/access.log variables;

        add_header X-Variables "$webhook_provider|$webhook_event|$webhook_reason|$webhook_field_slug|$webhook_field_user_id|$webhook_field_key" always;
        add_header X-Dataset "[$webhook_field_dataset_id]" always;
        add_header X-Map "$kind $refused $dataset" always;
        add_header X-Ids "[$webhook_id $webhook_id $upstream_http_x_id]" always;

        proxy_hide_header X-Id;
        proxy_set_header X-Id $webhook_id;
        proxy_set_header X-Variables "$webhook_provider|$webhook_event|$webhook_reason|$webhook_field_slug|$webhook_field_user_id|$webhook_field_key|$webhook_field_dataset_id";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
END

# JSON texts of a dataset_id, and what becomes of them.
our @Texts = (
    ['a\r\nX-Evil: 1', 'a%0D%0AX-Evil: 1'],
    ['\u0000\u0001\u001f\u007f!', '%00%01%1F%7F!'],
    ['\b\f\n\r\t', '%08%0C%0A%0D%09'],
    ["\x7f", '%7F'],
    ['\"\\\\\/ / %41 $x', '"\\/ / %41 $x'],
    ['\u0041\u00e9\u20ac\ud83d\ude00', "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"],
    ["\xc3\xa9\xe2\x82\xac", "\xc3\xa9\xe2\x82\xac"],
    ['x\ud83dy\ude00z', "x\xef\xbf\xbdy\xef\xbf\xbdz"],
    ['\u0085\u00a0', "\xc2\x85\xc2\xa0"],
    ['Selected Playlist', 'Selected Playlist'],
    ['\u0020inner\u0020', ' inner '],
);

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Http);
    $block->set_value('config', $Config . ($block->config // ''));
    $block->set_value('more_headers', $Headers)
        unless defined $block->more_headers;
});

repeat_each(2);
run_tests();

__DATA__

=== TEST 1: of an accepted event: upstream, in the answer, in maps, in the log
--- request eval
[::post(::payload())]
--- error_code: 200
--- response_headers eval
"X-Variables: luzmo|data_updated||acme|$::User|$::Key
X-Dataset: [tasks]
X-Map: update 0 tasks"
--- response_body eval
"luzmo|data_updated||acme|$::User|$::Key|tasks\n"
--- access_log eval
"log: luzmo data_updated \"\" [acme] [$::User] [tasks]"



=== TEST 2: an event without the member: an empty variable
--- request eval
"POST /hook/account_deleted\n" . ::payload(dataset_id => undef)
--- error_code: 200
--- response_headers eval
"X-Variables: luzmo|account_deleted||acme|$::User|$::Key
X-Dataset: []
X-Map: none 0 none"
--- response_body eval
"luzmo|account_deleted||acme|$::User|$::Key|\n"
--- access_log eval
"log: luzmo account_deleted \"\" [acme] [$::User] [-]"



=== TEST 3: a member that is there, but not named for the event: an empty variable
--- request eval
"POST /hook/data_available\n" . ::payload()
--- error_code: 200
--- response_headers
X-Dataset: []
X-Map: other 0 none
--- response_body eval
"luzmo|data_available||acme|$::User|$::Key|\n"



=== TEST 4: refused before the body was read: the reason, and what the path tells
--- request eval
["POST /hook/unknown\n" . ::payload(), "GET /hook/data_updated",
 ::post((::payload()) x 4)]
--- more_headers eval
[$::Headers, $::Headers, 'Content-Type: application/json',
 "Content-Type: application/json\nX-Secret: wrong", 'X-Secret: right',
 $::Headers . 'Content-Encoding: gzip']
--- error_code eval
[404, 405, 401, 401, 415, 415]
--- response_headers eval
["X-Variables: luzmo||unknown_event|||\nX-Dataset: []\nX-Map: none 1 none",
 map { "X-Variables: luzmo|data_updated|$_|||\nX-Dataset: []\n"
       . "X-Map: update 1 none" }
     qw(method_not_allowed missing_secret invalid_secret unsupported_media_type
        unsupported_encoding)]



=== TEST 5: refused for the payload: the reason, and the members that are known
--- request eval
[::post('', '{', '[]', ::payload(dataset_id => undef),
        ::payload(user_id => '"x"'), ::payload(slug => '"other"'),
        ::payload() =~ s/\}$/,"key":1}/r)]
--- error_code eval
[400, 400, 400, 400, 400, 403, 400]
--- response_headers eval
["X-Variables: luzmo|data_updated|empty_body|||\nX-Dataset: []",
 "X-Variables: luzmo|data_updated|invalid_json|||\nX-Dataset: []",
 "X-Variables: luzmo|data_updated|invalid_field|||\nX-Dataset: []",
 "X-Variables: luzmo|data_updated|missing_field|acme|$::User|$::Key\n"
 . "X-Dataset: []",
 "X-Variables: luzmo|data_updated|invalid_field|acme|x|$::Key\n"
 . "X-Dataset: [tasks]",
 "X-Variables: luzmo|data_updated|wrong_plugin|other|$::User|$::Key\n"
 . "X-Dataset: [tasks]",
 "X-Variables: luzmo|data_updated|duplicate_field|acme|$::User|$::Key\n"
 . "X-Dataset: [tasks]"]



=== TEST 6: the reason of a refusal is in the access log
--- request eval
[::post(::payload(dataset_id => '""'))]
--- error_code: 400
--- access_log eval
["log: luzmo data_updated \"invalid_field\" [acme] [$::User] []"]



=== TEST 7: nginx's own refusals have no reason
--- config
    location /tiny/ {
        webhook luzmo;
        webhook_secret right;
        client_max_body_size 10;
        add_header X-Variables "$webhook_provider|$webhook_event|$webhook_reason|$webhook_field_slug" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /tiny/data_updated\n" . ::payload(),
 "POST /tiny/data_updated\n" . ::chunks(::payload())]
--- more_headers eval
[$::Headers, $::Headers . 'Transfer-Encoding: chunked']
--- error_code eval
[413, 413]
--- response_headers eval
['X-Variables: luzmo|||', 'X-Variables: luzmo|data_updated||']
--- error_log
client intended to send too large



=== TEST 8: escapes are decoded, control bytes come out as %XX
--- request eval
[::post(map { ::payload(dataset_id => qq("$_->[0]")) } @::Texts)]
--- error_code eval
[(200) x @::Texts]
--- response_headers eval
[map { "X-Dataset: [$_->[1]]\n!X-Evil" } @::Texts]
--- response_body eval
[map { "luzmo|data_updated||acme|$::User|$::Key|" . $_->[1] =~ s/ $//r . "\n" }
     @::Texts]



=== TEST 9: a line end in a member is no line end in the log
--- request eval
[::post(::payload(dataset_id => '"a\r\nlog: \u0000\u007f\"x"'))]
--- error_code: 200
--- access_log eval
["[a%0D%0Alog: %00%7F\\x22x]"]



=== TEST 10: an event's name of the path can't break out either
--- request
POST /hook/data_updated%0D%0AX-Evil:%201
--- error_code: 404
--- response_headers
X-Variables: luzmo||unknown_event|||
!X-Evil



=== TEST 11: a member that came in pieces is whole
--- request eval
[::post(::chunks(split //, ::payload(dataset_id => '"\ud83d\ude00 \u00e9\r"')),
        ::chunks(::payload(dataset_id => '"' . 'abc\n' x 900 . '"')
                 =~ /.{1,7}/gs))]
--- more_headers eval
$::Headers . 'Transfer-Encoding: chunked'
--- error_code eval
[200, 200]
--- response_headers eval
["X-Dataset: [\xf0\x9f\x98\x80 \xc3\xa9%0D]",
 'X-Dataset: [' . 'abc%0A' x 900 . ']']



=== TEST 12: of a value of more than 8192 bytes the variable is empty, the event passes
--- request eval
[::post(map { ::payload(dataset_id => qq("$_")) }
            'x' x 8192, 'x' x 8193, '\u0041' x 8192, '\u0041' x 8193,
            "\xc3\xa9" x 4096, "\xc3\xa9" x 4097, 'x' x 70000)]
--- error_code eval
[(200) x 7]
--- response_headers eval
['X-Dataset: [' . 'x' x 8192 . ']', 'X-Dataset: []',
 'X-Dataset: [' . 'A' x 8192 . ']', 'X-Dataset: []',
 "X-Dataset: [" . "\xc3\xa9" x 4096 . ']', 'X-Dataset: []', 'X-Dataset: []']



=== TEST 13: control bytes of a long value
--- config
    location /long/ {
        webhook luzmo;
        webhook_secret right;
        add_header X-Dataset "[$webhook_field_dataset_id]" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /long/data_updated\n" . ::payload(dataset_id => '"' . '\u0000' x 8192 . '"')
--- error_code: 200
--- response_headers eval
'X-Dataset: [' . '%00' x 8192 . ']'



=== TEST 14: names of variables in any case
--- config
    location /names/ {
        webhook luzmo;
        webhook_secret right;
        add_header X-Names "$webhook_field_SLUG|$WEBHOOK_EVENT" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /names/data_updated\n" . ::payload() =~ s/\}$/,"x":"y","a":{"b":1}}/r
--- error_code: 200
--- response_headers
X-Names: acme|data_updated



=== TEST 15: no early look spoils the later value
--- config
    location /early/ {
        set $early "$webhook_provider|$webhook_event|$webhook_reason|$webhook_field_slug|$dataset";

        if ($webhook_field_slug) {
            return 500;
        }

        webhook luzmo;
        webhook_secret right;
        access_log logs/access.log variables;
        add_header X-Early $early always;
        add_header X-Late "$webhook_event|$webhook_reason|$webhook_field_slug|$dataset" always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /early/data_updated\n" . ::payload()]
--- error_code: 200
--- response_headers
X-Early: luzmo||||none
X-Late: data_updated||acme|tasks
--- access_log eval
"log: luzmo data_updated \"\" [acme] [$::User] [tasks]"



=== TEST 16: webhook-id: a sane one is taken over
--- request eval
[(::post(::payload())) x 4]
--- more_headers eval
[map { "$::Headers\nWebhook-ID: $_" }
     'msg_2Lh9KRb0pzN4LePd3XiA4v12Axj', '!~"\\%', 'x', 'y' x 256]
--- error_code eval
[(200) x 4]
--- response_headers eval
[map { "X-Ids: [$_ $_ $_]" }
     'msg_2Lh9KRb0pzN4LePd3XiA4v12Axj', '!~"\\%', 'x', 'y' x 256]



=== TEST 17: webhook-id: instead of any other a UUID, the same at each use
--- request eval
[(::post(::payload())) x 9]
--- more_headers eval
[$::Headers, map { "$::Headers\n$_" }
     'Webhook-ID:', 'Webhook-ID: a b', 'Webhook-ID: ' . 'y' x 257,
     "Webhook-ID: a\nWebhook-ID: a", "Webhook-ID: a\nWebhook-ID: b",
     "Webhook-ID: \xc3\xa9", "Webhook-ID: a\tb", "Webhook-ID: a\x7f"]
--- error_code eval
[(200) x 9]
--- response_headers_like eval
[("X-Ids: \\[($::Uuid) \\1 \\1\\]") x 9]



=== TEST 18: webhook-id of a refused request, and of one that no webhook has seen
--- config
    location = /other {
        return 200 "$webhook_id $webhook_id [$webhook_provider$webhook_event$webhook_reason$webhook_field_slug]";
    }
--- request eval
[::post('{'), "GET /other", "GET /other"]
--- more_headers eval
["$::Headers\nWebhook-ID: mine", 'Webhook-ID: mine', 'Webhook-ID: my own']
--- error_code eval
[400, 200, 200]
--- response_headers eval
['X-Ids: [mine mine ]', '!X-Ids', '!X-Ids']
--- response_body_like eval
['^\{', '^mine mine \[\]$', "^($::Uuid) \\1 \\[\\]\$"]



=== TEST 19: the id and the rest stay the same over redirects
--- config
    location /first/ {
        set $before $webhook_id;
        rewrite ^/first/(.*) /second/$1 last;
    }

    location /second/ {
        webhook luzmo;
        webhook_secret right;
        error_page 502 = @third;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;
    }

    location @third {
        set $between $webhook_id;
        rewrite ^ /accel/ break;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location @accel {
        return 200 "$before $between $webhook_id $webhook_event|$webhook_reason|$webhook_field_slug|$dataset";
    }
--- request eval
["POST /first/data_updated\n" . ::payload()]
--- error_code: 200
--- response_body_like eval
["^($::Uuid) \\1 \\1 data_updated\\|\\|acme\\|tasks\$"]
--- error_log
connect() failed



=== TEST 20: an auth_request knows the event and the id, but not yet the payload
--- config
    location /asked/ {
        webhook luzmo;
        webhook_secret right;
        auth_request /auth;
        auth_request_set $asked $upstream_http_x_id;
        add_header X-Ids "$webhook_id $asked" always;
        proxy_set_header X-Variables $webhook_field_slug;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /auth {
        proxy_pass_request_body off;
        proxy_set_header Content-Length "";
        proxy_set_header X-Id "$webhook_id $webhook_provider|$webhook_event|$webhook_reason|$webhook_field_slug";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
["POST /asked/data_updated\n" . ::payload()]
--- error_code: 200
--- response_headers_like eval
["X-Ids: ($::Uuid) \\1 luzmo\\|data_updated\\|\\|"]
--- response_body
acme



=== TEST 21: variables of a refused event, in the page that error_page leads to
--- config
    location /paged/ {
        webhook luzmo;
        webhook_secret right;
        error_page 400 401 =200 /page;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /page {
        return 200 "$webhook_provider|$webhook_event|$webhook_reason|$webhook_field_slug|$webhook_id";
    }
--- request eval
["POST /paged/data_updated\n" . ::payload(key => 'null'),
 "POST /paged/data_updated\n" . ::payload()]
--- more_headers eval
["$::Headers\nWebhook-Id: a", 'Webhook-Id: b']
--- error_code eval
[200, 200]
--- response_body eval
['luzmo|data_updated|invalid_field|acme|a',
 'luzmo|data_updated|missing_secret||b']



=== TEST 22: a member that is no text: the JSON text as it was sent, null is empty
--- request eval
[::post(map { ::payload(dataset_id => $_) } '-1.50e+3', 'null', 'true',
            "{ \"a\":[1,\n\"\\u0041\"] }", '[' . '1,' x 4094 . '11]',
            '[' . '1,' x 4094 . '111]')]
--- error_code eval
[(400) x 6]
--- response_headers eval
['X-Dataset: [-1.50e+3]', 'X-Dataset: []', 'X-Dataset: [true]',
 'X-Dataset: [{ "a":[1,%0A"\\u0041"] }]',
 'X-Dataset: [[' . '1,' x 4094 . '11]]',
 'X-Dataset: []']



=== TEST 23: a map that is asked too early keeps its first value, unless volatile
--- config
    location /early/ {
        webhook luzmo;
        webhook_secret right;
        limit_req zone=early burst=100 nodelay;
        proxy_set_header X-Variables "$early $again";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
"POST /early/data_updated\n" . ::payload()
--- more_headers
X-Secret: right
Content-Type: application/json
--- response_body
none <acme>
