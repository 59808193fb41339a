use lib 't/lib';

# After each of the many requests, the log is given three times this long.
BEGIN { $ENV{TEST_NGINX_SLEEP} ||= 0.005 }

use WebhookTest 'no_plan';

# Munity: the directive, secrets and methods, bodies however they come, what
# reaches the application, and what is logged.

use MunityTest;

no_shuffle();
run_tests();

__DATA__

=== TEST 1: neither a secret nor "webhook_secret off"
--- config
    location = /t {
        webhook munity;
    }
--- must_die
--- error_log eval
qr/\[emerg\] .*"webhook munity" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in .*nginx\.conf:\d+$/



=== TEST 2: a secret for one slug
--- config
    location = /t {
        webhook munity;
        webhook_secret Mu slug=acme;
    }
--- must_die
--- error_log eval
qr{"webhook_secret" with "slug=acme" can't be used in the location of \S+/conf/nginx\.conf:\d+, whose system has no slugs$}



=== TEST 3: an unknown value of the parameter
--- config
    location = /t {
        webhook munity unknown=maybe;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "unknown=maybe" of "webhook munity" in



=== TEST 4: the parameter without a value
--- config
    location = /t {
        webhook munity unknown=;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "unknown=" of "webhook munity" in



=== TEST 5: an unknown parameter
--- config
    location = /t {
        webhook munity unknown=pass pass;
        webhook_secret off;
    }
--- must_die
--- error_log
invalid parameter "pass" of "webhook munity" in



=== TEST 6: the parameter twice
--- config
    location = /t {
        webhook munity unknown=pass unknown=reject;
        webhook_secret off;
    }
--- must_die



=== TEST 7: the directive twice
--- config
    location = /t {
        webhook munity;
        webhook munity unknown=pass;
        webhook_secret off;
    }
--- must_die
--- error_log
"webhook" directive is duplicate in



=== TEST 8: the directive outside of a location
--- config
    webhook munity;
--- must_die
--- error_log
"webhook" directive is not allowed here in



=== TEST 9: unknown=reject is the default; a location inherits or says anew
--- config
    webhook_secret off;
    proxy_set_header X-Show $webhook_event;

    location /hook {
        webhook munity unknown=reject;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location /pass {
        webhook munity unknown=pass;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;

        location /pass/inherited {
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }

        location /pass/anew {
            webhook munity;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }

        location /pass/off {
            webhook off;
            proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
        }
    }
--- request eval
my $other = ::text('webhook_test', event => '"other"');
[
    ::post($other, '/hook'),
    ::post($other, '/pass'),
    ::post($other, '/pass/inherited'),
    ::post($other, '/pass/anew'),
    ::post('}', '/pass/inherited'),
    ::post('}', '/pass/off'),
]
--- error_code eval: [400, 200, 200, 400, 400, 200]
--- response_body eval
my $other = ::text('webhook_test', event => '"other"');
[
    ::unknown(),
    ::passed('other', $other),
    ::passed('other', $other),
    ::unknown(),
    ::syntax(0),
    ::passed('', '}'),
]



=== TEST 10: the secret: none, wrong, too long, too short, empty, twice
--- config
    webhook_secret Mu-1;
    webhook_secret Mu-2;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ (::post(::text('webhook_test'))) x 8 ]
--- more_headers eval
[ map { "Content-Type: application/json\n$_" }
    '', 'X-Secret: mu-1', 'X-Secret: Mu-11', 'X-Secret: Mu-', 'X-Secret:',
    "X-Secret: Mu-1\nX-Secret: Mu-1", 'X-Secret: Mu-1', 'x-secret: Mu-2' ]
--- error_code eval: [(401) x 6, 200, 200]
--- response_headers eval
[ ("Content-Type: application/problem+json\nWWW-Authenticate: X-Secret") x 6,
  ("Content-Type: text/plain\n!WWW-Authenticate") x 2 ]
--- response_body eval
[
    ::problem('missing_secret'),
    (::problem('invalid_secret')) x 5,
    (::passed('webhook_test', ::text('webhook_test'))) x 2,
]



=== TEST 11: the secret in another header, whose name is the scheme
--- config
    webhook_secret Mu-1;
    webhook_secret_header X-Munity-Token;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ (::post(::text('webhook_test'))) x 3 ]
--- more_headers eval
[ map { "Content-Type: application/json\n$_: Mu-1" }
    'X-Secret', 'X-Munity-Toke', 'X-Munity-Token' ]
--- error_code eval: [401, 401, 200]
--- response_headers eval
[
    ("Content-Type: application/problem+json\n"
     . 'WWW-Authenticate: X-Munity-Token') x 2,
    'Content-Type: text/plain'
]
--- response_body eval
[
    (::problem('missing_secret')) x 2,
    ::passed('webhook_test', ::text('webhook_test')),
]



=== TEST 12: other methods than POST; what comes first: method, secret, type, JSON
--- config
    webhook_secret Mu-1;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ (map { "$_ /hook\n}" } qw(PUT DELETE PATCH OPTIONS)),
  'GET /hook', 'HEAD /hook', (::post('}')) x 3 ]
--- more_headers eval
[
    ('Content-Type: application/json') x 4,
    ('Content-Type: text/plain') x 3,
    "Content-Type: text/plain\nX-Secret: Mu-1",
    "Content-Type: application/json\nX-Secret: Mu-1",
]
--- error_code eval: [(405) x 6, 401, 415, 400]
--- response_headers eval
[
    ("Content-Type: application/problem+json\nAllow: POST") x 6,
    ("Content-Type: application/problem+json\n!Allow") x 3,
]
--- response_body eval
[
    (::problem('method_not_allowed')) x 5,
    '',
    ::problem('missing_secret'),
    ::problem('unsupported_media_type'),
    ::syntax(0),
]



=== TEST 13: media types and encodings
--- request eval
[ (::post(::text('webhook_test'))) x 13 ]
--- more_headers eval
[
    'X-No-Type: here',
    'Content-Type: text/plain',
    'Content-Type: text/json',
    'Content-Type: application/jsonp',
    'Content-Type: application/problem-json',
    'Content-Type: application/x-www-form-urlencoded; charset=application/json',
    "Content-Type: application/json\nContent-Encoding: gzip",
    "Content-Type: application/json\nContent-Encoding: identity, br",
    "Content-Type: application/json\nContent-Encoding: identity",
    'Content-Type: application/json',
    'Content-Type: application/json; charset=utf-8',
    'Content-Type: Application/JSON',
    'Content-Type: application/cloudevents+json',
]
--- error_code eval: [(415) x 8, (200) x 5]
--- response_headers eval
[
    ('Content-Type: application/problem+json') x 8,
    ('Content-Type: text/plain') x 5,
]
--- response_body eval
[
    (::problem('unsupported_media_type')) x 6,
    (::problem('unsupported_encoding')) x 2,
    map { ::passed('webhook_test', ::text('webhook_test'), $_) }
        'application/json', 'application/json',
        'application/json; charset=utf-8', 'Application/JSON',
        'application/cloudevents+json'
]



=== TEST 14: no body, an empty one, an empty one in chunks, spaces only
--- request eval
[ 'POST /hook', 'POST /hook', "POST /hook\n0\r\n\r\n",
  "POST /hook\n3\r\n \r\n\r\n0\r\n\r\n" ]
--- more_headers eval
[ map { "Content-Type: application/json\n$_" }
    '', 'Content-Length: 0', ('Transfer-Encoding: chunked') x 2 ]
--- error_code eval: [(400) x 4]
--- response_headers eval
[ ('Content-Type: application/problem+json') x 4 ]
--- response_body eval
[
    (::problem('empty_body')) x 3,
    ::syntax(3),
]



=== TEST 15: nginx's own limit of the body's size
--- config
    webhook_secret off;
    server_tokens off;

    location = /hook {
        webhook munity;
        client_max_body_size 200;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
my $text = ::text('webhook_test', more => '"x":"' . 'x' x 200 . '"');
[
    ::post($text),
    ::post(sprintf "%x\r\n%s\r\n0\r\n\r\n", length $text, $text),
]
--- more_headers eval
[ map { "Content-Type: application/json\n$_" }
    '', 'Transfer-Encoding: chunked' ]
--- error_code eval: [413, 413]
--- response_headers eval
[ ('Content-Type: text/html') x 2 ]
--- response_body eval
[ (CORE::join "\r\n", '<html>',
   '<head><title>413 Request Entity Too Large</title></head>', '<body>',
   '<center><h1>413 Request Entity Too Large</h1></center>',
   '<hr><center>nginx</center>', '</body>', '</html>', '') x 2 ]
--- error_log
client intended to send too large



=== TEST 16: error_page wins over the problem
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        error_page 400 = /sorry;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location = /sorry {
        return 422 "$webhook_provider $webhook_event $webhook_reason";
    }
--- request eval
[ ::post(::text('webhook_test', state => undef)), 'GET /hook' ]
--- error_code eval: [422, 405]
--- response_headers eval
[ 'Content-Type: text/plain', 'Content-Type: application/problem+json' ]
--- response_body eval
[
    'munity webhook_test missing_field',
    ::problem('method_not_allowed')
]



=== TEST 17: the fields of an event, upstream
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        proxy_set_header X-Show "$webhook_provider $webhook_event reason=$webhook_reason workspace_id=$webhook_field_workspace_id customer_id=$webhook_field_customer_id event=$webhook_field_event state=$webhook_field_state test=$webhook_field_payload_test id=$webhook_field_payload_id resource_id=$webhook_field_payload_resource_id type=$webhook_field_payload_type connector_type=$webhook_field_payload_connector_type payload_state=$webhook_field_payload_state error=$webhook_field_payload_error none=.";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) } @::Texts = map {
    ::text($$_[0], @{ $$_[1] }), ::text($$_[0], @{ $$_[1] }, reverse => 1)
} (
    [ webhook_test => [] ],
    [ integration_new_data_model => ['payload.id' => '-7'] ],
    [ integration_installed => ['payload.state' => '"inner"'] ],
    [ integration_installed => [state => '{"a": [1]}',
                                'payload.state' => 'false',
                                'payload.id' => '1' x 30] ],
    [ integration_cannot_refresh_oauth_token =>
        [payload_more => '"state":"s","test":true,"type":"t"'] ],
    [ integration_oauth_token_fixed =>
        [workspace_id => '"w\u0000\n \u00e4\ud83d\ude00\u007f"',
         'payload.id' => '"a\"\\\\\/\b"', state => "[\t1,\r\n2]"] ],
) ]
--- error_code eval: [(200) x 12]
--- response_headers eval
[ ('Content-Type: text/plain') x 12 ]
--- response_body eval
my %value = (reason => '', workspace_id => 'ws-1', customer_id => 'cu-1',
             state => 'st-1', id => 'id-1', resource_id => '', type => '',
             test => '', connector_type => '', payload_state => '',
             error => '', none => '.');
my $i = 0;
[ map {
    my ($event, %set) = @$_;
    my %v = (%value, event => $event, %set);
    my $show = "munity $event " . CORE::join ' ', map { "$_=$v{$_}" }
               qw(reason workspace_id customer_id event state test id
                  resource_id type connector_type payload_state error none);
    map { ::passed($show, $::Texts[$i++]) } 1, 2
} (
    [ webhook_test => id => '', test => 'true' ],
    [ integration_new_data_model => id => '-7', resource_id => '42',
      type => 'invoice' ],
    [ integration_installed => connector_type => 'ledger',
      payload_state => 'inner' ],
    [ integration_installed => connector_type => 'ledger',
      state => '{"a": [1]}', payload_state => 'false', id => '1' x 30 ],
    [ integration_cannot_refresh_oauth_token =>
      error => '{"error":[1,null]}' ],
    [ integration_oauth_token_fixed => id => 'a"\\/%08',
      state => '[%091,%0D%0A2]',
      workspace_id => "w%00%0A \xc3\xa4\xf0\x9f\x98\x80%7F" ],
) ]



=== TEST 18: a field of more than 8192 bytes passes, but is no variable
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        proxy_set_header X-Show "$webhook_field_state $webhook_field_payload_id";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post(::text('integration_oauth_token_fixed',
                      state => '"' . 's' x $_ . '"')) } 8192, 8193, 20000 ]
--- error_code eval: [(200) x 3]
--- response_headers eval
[ ('Content-Type: text/plain') x 3 ]
--- response_body eval
[ map { ::passed(($_ == 8192 ? 's' x $_ . ' ' : '') . 'id-1',
                 ::text('integration_oauth_token_fixed',
                        state => '"' . 's' x $_ . '"')) } 8192, 8193, 20000 ]



=== TEST 19: variables of a refused event
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        add_header X-Show "event=$webhook_event reason=$webhook_reason workspace_id=$webhook_field_workspace_id." always;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) }
    ::text('integration_installed', 'payload.connector_type' => '[]'),
    ::text('webhook_test', event => '"other"'),
    ::text('webhook_test', event => '7'),
    ::text('webhook_test', twice => 'workspace_id'),
    '[]',
    '{"workspace_id":"ws-1"' ]
--- error_code eval: [(400) x 6]
--- response_headers eval
[ map { "Content-Type: application/problem+json\nX-Show: $_." }
    'event=integration_installed reason=invalid_field workspace_id=ws-1',
    'event=other reason=unknown_event workspace_id=ws-1',
    'event= reason=invalid_field workspace_id=ws-1',
    'event=webhook_test reason=duplicate_field workspace_id=ws-1',
    'event= reason=invalid_field workspace_id=',
    'event= reason=invalid_json workspace_id=' ]
--- response_body eval
[ ::invalid('payload.connector_type'), ::unknown(), ::invalid('event'),
  ::twice('workspace_id'), ::no_object(), ::syntax(22) ]



=== TEST 20: the log names the member, but nothing of the event
--- log_level: debug
--- request eval
::post(::text('integration_installed', 'payload.id' => '["classified"]',
              state => '"classified"', customer_id => '"classified"'))
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body eval
::invalid('payload.id')
--- grep_error_log eval: qr/\[info\].*webhook \w+ refused: [^,]*|classified/
--- grep_error_log_out eval
qr/^\d*\[info\] \d+#\d+: \*\d+ webhook munity refused: invalid_field "payload\.id"\n\z/



=== TEST 21: the same, for an unknown event
--- log_level: debug
--- request eval
::post(::text('webhook_test', event => '"classified"'))
--- error_code: 400
--- response_headers
Content-Type: application/problem+json
--- response_body eval
::unknown()
--- grep_error_log eval: qr/webhook \w+ refused: [^,]*|classified/
--- grep_error_log_out
webhook munity refused: unknown_event "event"



=== TEST 22: the same, for what is not JSON and for a secret
--- config
    webhook_secret classified;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- pipelined_requests eval
[ ::post('{"classified'), ::post('{"classified') ]
--- more_headers eval
[ map { "Content-Type: application/json\nX-Secret: $_" }
    'classified', 'classified2' ]
--- error_code eval: [400, 401]
--- response_headers eval
[ ('Content-Type: application/problem+json') x 2 ]
--- response_body eval
[ ::syntax(12), ::problem('invalid_secret') ]
--- no_error_log
classified
[error]
[crit]



=== TEST 23: one connection: refused, accepted, refused, accepted
--- pipelined_requests eval
[ map { ::post($_) }
    ::text('webhook_test', state => undef), ::text('webhook_test'),
    '{"a":', ::text('integration_installed', reverse => 1) ]
--- error_code eval: [400, 200, 400, 200]
--- response_headers eval
[ map { "Content-Type: $_" }
    ('application/problem+json', 'text/plain') x 2 ]
--- response_body eval
[
    ::missing('state'), ::passed('webhook_test', ::text('webhook_test')),
    ::syntax(5), ::passed('integration_installed',
                          ::text('integration_installed', reverse => 1))
]



=== TEST 24: a body that comes in pieces, cut within names and values
--- config
    webhook_secret off;

    location = /hook {
        webhook munity;
        proxy_set_header X-Show "$webhook_field_workspace_id $webhook_field_payload_id $webhook_field_payload_metadata $webhook_event";
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
my @pieces = map {
    my ($text, @at) = @$_;
    my ($from, @piece) = (0);
    for (@at) {
        my $to = index($text, $_, $from) + 2;
        die "no $_ from $from on" if $to < 2;
        push @piece, substr $text, $from, $to - $from;
        $from = $to;
    }
    my ($first, @rest) = (@piece, substr $text, $from);
    [ ::post($first), map { { value => $_, delay_before => 0.02 } } @rest ]
} (
    [ ::text('integration_oauth_token_fixed', 'payload.id' => '-12345'),
      'workspace_id', 'ws-1', 'event', 'integration', 'state', 'payload',
      '"id', '-12345' ],
    [ ::text('integration_oauth_token_fixed', 'payload.id' => '1.5'),
      'workspace_id', 'ws-1', 'event', 'integration', 'state', 'payload',
      '"id', '1.5' ],
    [ ::text('integration_installed', 'payload.id' => undef,
             payload_more => '"\u0069d":"a"', reverse => 1),
      '\u00', '":"a"', '"meta', '{"meta', '[1,', '"connector_type', 'event',
      'integration' ],
    [ ::text('integration_installed', payload_more => '"\u0069d":"a"',
             reverse => 1),
      '\u00', 'd":"a', '"id', 'event', 'integration' ],
);
\@pieces
--- error_code eval: [200, 400, 200, 400]
--- response_headers eval
[ map { "Content-Type: $_" }
    ('text/plain', 'application/problem+json') x 2 ]
--- response_body eval
my @text = (
    ::text('integration_oauth_token_fixed', 'payload.id' => '-12345'),
    ::text('integration_installed', 'payload.id' => undef,
           payload_more => '"\u0069d":"a"', reverse => 1),
);
[
    ::passed('ws-1 -12345  integration_oauth_token_fixed', $text[0]),
    ::invalid('payload.id'),
    ::passed('ws-1 a {"metadata":[1,null]} integration_installed', $text[1]),
    ::twice('payload.id'),
]



=== TEST 25: 64 KB of unknown members, first or last, in memory
--- config
    webhook_secret off;
    client_body_buffer_size 256k;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) } @::Texts = map {
    ::text('integration_installed', $_ => ::padding()),
    ::text('integration_installed', $_ => ::padding(), reverse => 1)
} qw(more payload_more) ]
--- error_code eval: [(200) x 4]
--- response_headers eval
[ ('Content-Type: text/plain') x 4 ]
--- response_body eval
[ map { ::passed('integration_installed', $_) } @::Texts ]
--- grep_error_log: is buffered to a temporary file
--- grep_error_log_out



=== TEST 26: the same through a temporary file
--- config
    webhook_secret off;
    client_body_buffer_size 4k;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- request eval
[ map { ::post($_) } @::Texts = map {
    ::text('integration_installed', $_ => ::padding()),
    ::text('integration_installed', $_ => ::padding(), reverse => 1)
} qw(more payload_more) ]
--- error_code eval: [(200) x 4]
--- response_headers eval
[ ('Content-Type: text/plain') x 4 ]
--- response_body eval
[ map { ::passed('integration_installed', $_) } @::Texts ]
--- error_log
is buffered to a temporary file



=== TEST 27: the same in chunks of 1000 bytes
--- request eval
@::Texts = map {
    ::text('integration_installed', $_ => ::padding())
} qw(more payload_more);
[ map {
    ::post(CORE::join '', (map { sprintf "%x\r\n%s\r\n", length, $_ }
                         unpack '(a1000)*', $_), "0\r\n\r\n")
} @::Texts ]
--- more_headers
Content-Type: application/json
Transfer-Encoding: chunked
--- error_code eval: [(200) x 2]
--- response_headers eval
[ ('Content-Type: text/plain') x 2 ]
--- response_body eval
[ map { ::passed('integration_installed', $_) } @::Texts ]



=== TEST 28: after 64 KB of unknown members, a member is still judged
--- request eval
[ map { ::post($_) }
    ::text('integration_installed', payload_more => ::padding(),
           'payload.id' => 'null', reverse => 1),
    ::text('integration_installed', more => ::padding(), state => undef,
           reverse => 1),
    ::text('integration_installed', more => ::padding(),
           'payload.metadata' => undef, reverse => 1),
    ::text('integration_installed', more => ::padding(),
           twice => 'payload.state', reverse => 1),
    ::text('integration_installed', more => ::padding()) . ',' ]
--- error_code eval: [(400) x 5]
--- response_headers eval
[ ('Content-Type: application/problem+json') x 5 ]
--- response_body eval
[
    ::invalid('payload.id'), ::missing('state'), ::missing('payload.metadata'),
    ::twice('payload.state'),
    ::syntax(length ::text('integration_installed', more => ::padding()))
]



=== TEST 29: over HTTP/2
--- http2
--- request eval
[ map { ::post($_) } @::Texts = (
    ::text('webhook_test'),
    ::text('integration_installed', reverse => 1),
    ::text('integration_installed', more => ::padding(), reverse => 1),
    ::text('integration_installed', 'payload.id' => '1.5'),
    ::text('webhook_test', payload => '[]'),
    ::text('webhook_test', state => undef, reverse => 1),
    ::text('webhook_test', event => '"other"'),
    ::text('webhook_test', twice => 'event'),
    '{"a":',
    '[]',
) ]
--- error_code eval: [(200) x 3, (400) x 7]
--- response_headers eval
[
    ('Content-Type: text/plain') x 3,
    ('Content-Type: application/problem+json') x 7
]
--- response_body eval
[
    ::passed('webhook_test', $::Texts[0]),
    ::passed('integration_installed', $::Texts[1]),
    ::passed('integration_installed', $::Texts[2]),
    ::invalid('payload.id'), ::invalid('payload'), ::missing('state'),
    ::unknown(), ::twice('event'), ::syntax(5), ::no_object()
]



=== TEST 30: refusals over HTTP/2; no bodies, as curl stumbles over an early answer
--- config
    webhook_secret Mu-1;
    proxy_set_header X-Show $webhook_event;

    location = /hook {
        webhook munity;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- http2
--- request eval
[ 'POST /hook', 'POST /hook', 'GET /hook', 'POST /hook',
  ::post(::text('webhook_test')) ]
--- more_headers eval
[
    'Content-Type: application/json',
    "Content-Type: application/json\nX-Secret: Mu-2",
    'Content-Type: application/json',
    "Content-Type: text/plain\nX-Secret: Mu-1",
    "Content-Type: application/json\nX-Secret: Mu-1",
]
--- error_code eval: [401, 401, 405, 415, 200]
--- response_headers eval
[
    (map { "Content-Type: application/problem+json\n$_" }
        ('WWW-Authenticate: X-Secret') x 2, 'Allow: POST',
        '!WWW-Authenticate'),
    'Content-Type: text/plain'
]
--- response_body eval
[
    ::problem('missing_secret'),
    ::problem('invalid_secret'),
    ::problem('method_not_allowed'),
    ::problem('unsupported_media_type'),
    ::passed('webhook_test', ::text('webhook_test'))
]
