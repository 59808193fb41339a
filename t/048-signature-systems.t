use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures beside the systems' own verdicts, secrets and tokens, beside
# nginx's access rules, and over redirects and subrequests.

use Answers qw(page);
use HTTPClient qw(dial put);
use SignatureTest;

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: webhook luzmo: the signature comes before type, encoding and payload
--- config eval
::location('/hook/', 'webhook luzmo; webhook_signature github hush-github;')
. ::location('/timed/', 'webhook luzmo; ' . ::signature('standard', 2))
--- client eval
sub {
    my $is = shift;
    my $uri = '/hook/data_updated';
    my @json = ('Content-Type' => 'application/json');
    my @text = ('Content-Type' => 'text/plain');
    my @gzip = (@json, 'Content-Encoding' => 'gzip');
    my @wrong = ::sign('github', 'other');
    my $missing = ::luzmo_refused('github', 'missing_signature');
    my $wrong = ::luzmo_refused('github', 'invalid_signature');
    my $type = ::luzmo_refused('', 'unsupported_media_type');
    my $encoding = ::luzmo_refused('', 'unsupported_encoding');
    my $syntax = ::luzmo_refused('', 'invalid_json', offset => 1);
    my $empty = ::luzmo_refused('', 'empty_body');

    ::ask($is, $uri,
          ['right', ::accepted($::Json), $::Json, @json,
           ::sign('github', $::Json)],
          ['none', $missing, $::Json, @json],
          ['wrong', $wrong, $::Json, @json, @wrong],
          ['a type, none', $missing, $::Json, @text],
          ['a type, wrong', $wrong, $::Json, @text, @wrong],
          ['a type, right', $type, $::Json, @text, ::sign('github', $::Json)],
          ['no type, wrong', $wrong, $::Json, @wrong],
          ['no type, right', $type, $::Json, ::sign('github', $::Json)],
          ['an encoding, none', $missing, $::Json, @gzip],
          ['an encoding, wrong', $wrong, $::Json, @gzip, @wrong],
          ['an encoding, right', $encoding, $::Json, @gzip,
           ::sign('github', $::Json)],
          ['no JSON, none', $missing, '{', @json],
          ['no JSON, wrong', $wrong, '{', @json, @wrong],
          ['no JSON, right', $syntax, '{', @json, ::sign('github', '{')],
          ['no JSON nor type, right', $type, '{', ::sign('github', '{')],
          ['no body, none', $missing, '', @json],
          ['no body, wrong', $wrong, '', @json, @wrong],
          ['no body, right', $empty, '', @json, ::sign('github', '')],
          ['no body nor type, right', $type, '', ::sign('github', '')],
          ['a method, none', ::luzmo_refused('', 'method_not_allowed'),
           '', Method => 'GET'],
          ['right again', ::accepted($::Json), $::Json, @json,
           ::sign('github', $::Json)]);

    ::ask($is, '/hook/other',
          ['a path', ::luzmo_refused('', 'unknown_event'), $::Json, @json,
           @wrong]);

    # large ones that are not JSON, or not of the type
    my $socket = ::dial();

    for ([\@json, 'x' x 300000,
          ::luzmo_refused('', 'invalid_json', offset => 0)],
         [\@text, $::Large, $type])
    {
        my ($header, $body, $answer) = @$_;

        ::put($socket, ::chunked($uri, [$body], @$header,
                                 ::sign('github', $body)));
        $is->(::answer($socket), $answer, 'large, right');
        ::put($socket, ::chunked($uri, [$body], @$header, @wrong));
        $is->(::answer($socket), $wrong, 'large, wrong');
        ::put($socket, ::chunked($uri, [$body], @$header));
        $is->(::answer($socket), $missing, 'large, none');
    }

    ::ask($is, '/timed/data_available',
          ['right', ::accepted($::Json), $::Json, @json,
           ::sign('standard', $::Json)],
          ['right, of the other secret', ::accepted($::Json), $::Json, @json,
           ::sign('standard', $::Json, key => $::Key{standard}[1])],
          ['stale', ::luzmo_refused('standard', 'stale_signature'), '{', @text,
           ::sign('standard', '{', time => time - 400)],
          ['wrong', ::luzmo_refused('standard', 'invalid_signature'), '{',
           @text, ::sign('standard', $::Json)],
          ['a type', $type, $::Json, @text, ::sign('standard', $::Json)]);
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 2: a secret and a signature: both have to be right, the secret first
--- config eval
::location('/hook/', 'webhook luzmo; webhook_secret hush-acme slug=acme;
                      webhook_secret hush-other slug=other; '
                     . ::signature('github', 1))
. ::location('/signed/', 'webhook signed; webhook_secret hush-any;
                          webhook_secret_header X-Token; '
                         . ::signature('slack', 1))
. ::location('/off/', 'webhook luzmo; webhook_secret off; '
                      . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;
    my $uri = '/hook/data_updated';
    my @json = ('Content-Type' => 'application/json');
    my @acme = (@json, 'X-Secret' => 'hush-acme');
    my @other = (@json, 'X-Secret' => 'hush-other');
    my @good = ::sign('github', $::Json);
    my @wrong = ::sign('github', 'other');
    my $missing_secret = ::luzmo_refused('X-Secret', 'missing_secret');
    my $invalid_secret = ::luzmo_refused('X-Secret', 'invalid_secret');
    my $missing = ::luzmo_refused('github', 'missing_signature');
    my $invalid = ::luzmo_refused('github', 'invalid_signature');

    ::ask($is, $uri,
          ['both', ::accepted($::Json), $::Json, @acme, @good],
          ['neither', $missing_secret, $::Json, @json],
          ['no secret', $missing_secret, $::Json, @json, @good],
          ['a wrong secret', $invalid_secret, $::Json, @json,
           'X-Secret' => 'no', @good],
          ['both wrong', $invalid_secret, $::Json, @json, 'X-Secret' => 'no',
           @wrong],
          ['no signature', $missing, $::Json, @acme],
          ['a wrong signature', $invalid, $::Json, @acme, @wrong],
          ["another one's secret, a wrong signature", $invalid, $::Json,
           @other, @wrong],
          ["another one's secret",
           ::luzmo_refused('', 'wrong_plugin', field => 'slug'), $::Json,
           @other, @good]);

    ::ask($is, '/signed/',
          ['both', ::accepted('x'), 'x', 'X-Token' => 'hush-any',
           ::sign('slack', 'x')],
          ['neither', ::refused('X-Token', 'missing_secret'), 'x'],
          ['no secret', ::refused('X-Token', 'missing_secret'), 'x',
           ::sign('slack', 'x')],
          ['a wrong secret', ::refused('X-Token', 'invalid_secret'), 'x',
           'X-Token' => 'x', ::sign('slack', 'x')],
          ['no signature', ::refused('slack', 'missing_signature'), 'x',
           'X-Token' => 'hush-any'],
          ['a wrong signature', ::refused('slack', 'invalid_signature'), 'y',
           'X-Token' => 'hush-any', ::sign('slack', 'x')]);

    ::ask($is, '/off/data_updated',
          ['right', ::accepted($::Json), $::Json, @json, @good],
          ['wrong', $invalid, $::Json, @json, @wrong],
          ['none', $missing, $::Json, @json]);
}



=== TEST 3: webhook munity with a signature and no secret
--- config eval
::location('/hook/', 'webhook munity; ' . ::signature('standard', 1))
. ::location('/pass/', 'webhook munity unknown=pass; '
                       . ::signature('stripe', 1))
--- client eval
sub {
    my $is = shift;
    my @json = ('Content-Type' => 'application/json');
    my $body = '{"workspace_id":"w","customer_id":null,"event":"webhook_test",'
               . '"state":null,"payload":{"test":true}}';
    my $unknown = $body =~ s/webhook_test/some_test/r;
    my $missing = ::refused('standard', 'missing_signature');
    my $invalid = ::refused('standard', 'invalid_signature');
    my $type = ::refused('', 'unsupported_media_type');
    my $field = '400 [] {"type":"about:blank","title":"Bad Request",'
                . '"status":400,"detail":"payload.test must be true or false",'
                . qq("reason":"invalid_field","field":"payload.test"}\n);
    my $bad = $body =~ s/true/1/r;

    ::ask($is, '/hook/',
          ['right', ::accepted($body), $body, @json,
           ::sign('standard', $body)],
          ['none', $missing, $body, @json],
          ['wrong', $invalid, $body, @json, ::sign('standard', 'other')],
          ['a type, wrong', $invalid, $body, ::sign('standard', 'other')],
          ['a type, right', $type, $body, ::sign('standard', $body)],
          ['a payload, wrong', $invalid, $bad, @json,
           ::sign('standard', $body)],
          ['a payload, right', $field, $bad, @json, ::sign('standard', $bad)],
          ['a payload, none', $missing, $bad, @json]);

    ::ask($is, '/pass/',
          ['unknown, right', ::accepted($unknown), $unknown, @json,
           ::sign('stripe', $unknown)],
          ['unknown, wrong', ::refused('stripe', 'invalid_signature'),
           $unknown, @json, ::sign('stripe', $body)]);
}



=== TEST 4: webhook lenra: who triggers has to sign, who creates has a token
--- http_config
    webhook_zone zone=apps:1m;
--- config eval
'location /l/ {
     webhook lenra zone=apps;
     webhook_app ' . $::App . ' environment=1 token=hush-token;
     webhook_signature github hush-github;
     proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
 }'
--- client eval
sub {
    my $is = shift;
    my @json = ('Content-Type' => 'application/json');
    my @token = ('Authorization' => 'Bearer hush-token');
    my $socket = ::dial();

    # created, listed and deleted without a signature
    my $body = '{"action":"greet"}';
    ::put($socket, ::request('/l/app/webhooks', $body, @json, @token));
    my $created = ::answer($socket);
    my ($uuid) = $created =~ /"uuid":"([^"]+)"/;
    $is->($created, "200 [] {\"uuid\":\"$uuid\",\"action\":\"greet\","
          . qq("props":null,"environment_id":1,"user_id":null}\n), 'created');

    ::put($socket, ::request('/l/app/webhooks', $body, @json,
                             ::sign('github', $body)));
    $is->(::answer($socket), ::lenra_refused('Bearer', 401,
          'You are not authenticated', 'unauthenticated'),
          'a signature is no token');

    ::put($socket, ::request('/l/app/webhooks', $body, @json, @token,
                             ::sign('github', 'other')));
    $is->(::answer($socket) =~ /^200 \[\] /, 1,
          'a signature, whatever it is, beside a token');

    ::put($socket, ::head("/l/app/webhooks/$uuid", Method => 'GET', @token));
    $is->(::answer($socket) =~ s/^\K(\d+ \[\] ).*?"uuid":"([^"]+)".*/$1$2/sr,
          "200 [] $uuid", 'shown');

    # triggered
    my $uri = "/l/apps/$::App/webhooks/$uuid";
    my $missing = ::lenra_refused('github', 'missing_signature');
    my $invalid = ::lenra_refused('github', 'invalid_signature');
    my $sent = sub { "200 [] {\"action\":\"greet\",\"props\":null,"
                     . "\"event\":$_[0]}" };

    ::ask($is, $uri,
          ['right', $sent->('{"a":1}'), '{"a":1}', @json,
           ::sign('github', '{"a":1}')],
          ['right, no object', $sent->('{"_json":[1]}'), '[1]', @json,
           ::sign('github', '[1]')],
          ['right, no body', $sent->('{}'), '', ::sign('github', '')],
          ['none', $missing, '{"a":1}', @json],
          ['none, with a token', $missing, '{"a":1}', @json, @token],
          ['none, no body', $missing, ''],
          ['wrong', $invalid, '{"a":1}', @json, ::sign('github', 'other')],
          ['wrong, no body', $invalid, '', ::sign('github', 'other')],
          ['what upstream gets is not what is signed', $invalid, '{"a":1}',
           @json, ::sign('github', '{"action":"greet","props":null,'
                                   . '"event":{"a":1}}')],
          ['no JSON, wrong', $invalid, '{', @json, ::sign('github', 'other')],
          ['no JSON, right',
           ::lenra_refused('', 'invalid_json', offset => 1), '{', @json,
           ::sign('github', '{')],
          ['a type, wrong', $invalid, '{}', ::sign('github', 'other')],
          ['a type, right', ::lenra_refused('', 'unsupported_media_type'),
           '{}', ::sign('github', '{}')]);

    ::ask($is, ($uri =~ s/.$/$& eq '0' ? 1 : 0/er),
          ['an unknown one, none', ::lenra_refused('', 404,
           'Not Found.', 'error_404'), '{}', @json],
          ['an unknown one, right', ::lenra_refused('', 404,
           'Not Found.', 'error_404'), '{}', @json, ::sign('github', '{}')]);

    ::put($socket, ::head("/l/app/webhooks/$uuid", Method => 'DELETE', @token));
    $is->(::answer($socket), '204 [] ', 'deleted');
}



=== TEST 5: http, server and location: the nearest is the one
--- http_config eval
'webhook_signature github hush-http;
 server {
     listen 127.0.0.1:$TEST_NGINX_PORT_2;
     webhook_signature slack hush-server;
     location /inherits/ {
         webhook signed;
         proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
     }
     location /own/ {
         webhook signed;
         webhook_signature shopify hush-own;
         proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
         location /own/nested/ {
             proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
         }
         location /own/nested/own/ {
             webhook_signature github hush-nested hush-nested2;
             proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
         }
         location /own/off/ {
             webhook off;
             proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
         }
     }
     location /none/ {
         proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
     }
 }'
--- config eval
::location('/inherits/', 'webhook signed;')
. ::location('/none/', '')
. ::location('/second/', '', 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_2/;
                              proxy_pass_header WWW-Authenticate;
                              proxy_pass_header Date;')
. ::location('/if/', 'webhook signed; if ($http_x_if) {
                          add_header X-If 1;
                          proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
                      }')
--- client eval
sub {
    my $is = shift;

    my $all = sub {
        my ($uri, $scheme, @keys) = @_;
        my %right = map { $_ => 1 } @keys;

        for my $key (qw(hush-http hush-server hush-own hush-nested hush-nested2))
        {
            ::ask($is, $uri, [$key, $right{$key} ? ::accepted('x')
                              : ::refused($scheme, 'invalid_signature'), 'x',
                              ::sign($scheme, 'x', key => $key)]);
        }

        ::ask($is, $uri, ['none', ::refused($scheme, 'missing_signature'),
                          'x']);
    };

    $all->('/inherits/', 'github', 'hush-http');
    $all->('/if/', 'github', 'hush-http');
    $all->('/second/inherits/', 'slack', 'hush-server');
    $all->('/second/own/', 'shopify', 'hush-own');
    $all->('/second/own/nested/', 'shopify', 'hush-own');
    $all->('/second/own/nested/own/', 'github', qw(hush-nested hush-nested2));

    ::ask($is, '/if/', ['right', ::accepted('x'), 'x', 'X-If' => 1,
                        ::sign('github', 'x', key => 'hush-http')],
                       ['none', ::refused('github', 'missing_signature'), 'x',
                        'X-If' => 1]);

    ::ask($is, $_, ['not judged', ::accepted('x'), 'x'])
        for qw(/none/ /second/none/ /second/own/off/);
}



=== TEST 6: satisfy any: whatever grants access, the signature is judged
--- config eval
my $basic = 'auth_basic "Staff"; auth_basic_user_file passwd;';

::location('/allowed/', 'webhook luzmo; webhook_secret hush-acme;
                         satisfy any; allow all; ' . ::signature('github', 1))
. ::location('/secret/', 'webhook luzmo; webhook_secret hush-acme;
                          satisfy any; deny all; ' . ::signature('github', 1))
. ::location('/signed/', 'webhook signed; satisfy any; allow all; '
                         . ::signature('github', 1))
. ::location('/denied/', 'webhook signed; satisfy any; deny all; '
                         . ::signature('github', 1))
. ::location('/basic/', "webhook luzmo; webhook_secret hush-acme; satisfy any;
                         $basic " . ::signature('github', 1))
. ::location('/all/', "webhook signed; $basic " . ::signature('github', 1))
--- user_files
>>> ../conf/passwd
me:{PLAIN}word
--- client eval
sub {
    my $is = shift;
    my @json = ('Content-Type' => 'application/json');
    my @secret = ('X-Secret' => 'hush-acme');
    my @basic = ('Authorization' => 'Basic bWU6d29yZA==');
    my @good = ::sign('github', $::Json);
    my @wrong = ::sign('github', 'other');
    my $missing = ::luzmo_refused('github', 'missing_signature');
    my $invalid = ::luzmo_refused('github', 'invalid_signature');
    my $good = ::accepted($::Json);

    ::ask($is, '/allowed/data_updated',
          ['right', $good, $::Json, @json, @good],
          ['right, with a secret', $good, $::Json, @json, @secret, @good],
          ['right, with a wrong secret', $good, $::Json, @json,
           'X-Secret' => 'no', @good],
          ['none', $missing, $::Json, @json],
          ['none, with a secret', $missing, $::Json, @json, @secret],
          ['wrong', $invalid, $::Json, @json, @wrong],
          ['wrong, with a secret', $invalid, $::Json, @json, @secret, @wrong],
          ['wrong, with a wrong secret', $invalid, $::Json, @json,
           'X-Secret' => 'no', @wrong]);

    ::ask($is, '/secret/data_updated',
          ['right', $good, $::Json, @json, @secret, @good],
          ['none', $missing, $::Json, @json, @secret],
          ['wrong', $invalid, $::Json, @json, @secret, @wrong],
          ['no secret', ::luzmo_refused('X-Secret', 'missing_secret'), $::Json,
           @json, @good]);

    ::ask($is, '/signed/',
          ['right', $good, $::Json, @good],
          ['none', ::refused('github', 'missing_signature'), $::Json],
          ['wrong', ::refused('github', 'invalid_signature'), $::Json,
           @wrong]);

    # it grants nothing
    ::ask($is, '/denied/',
          ['right', '403 [] ' . ::page('403 Forbidden'), $::Json, @good],
          ['none', '403 [] ' . ::page('403 Forbidden'), $::Json]);

    ::ask($is, '/basic/data_updated',
          ['right', $good, $::Json, @json, @basic, @good],
          ['right, with a secret', $good, $::Json, @json, @secret, @good],
          ['none', $missing, $::Json, @json, @basic],
          ['wrong', $invalid, $::Json, @json, @basic, @wrong],
          ['wrong, with both', $invalid, $::Json, @json, @basic, @secret,
           @wrong]);

    ::ask($is, '/all/',
          ['right', $good, $::Json, @basic, @good],
          ['no credential', '401 [Basic realm="Staff"] '
           . ::page('401 Authorization Required'), $::Json, @good],
          ['none', ::refused('github', 'missing_signature'), $::Json, @basic],
          ['wrong', ::refused('github', 'invalid_signature'), $::Json, @basic,
           @wrong]);
}
--- error_log
access forbidden by rule



=== TEST 7: auth_request beside a signature, and a subrequest into a signed location
--- config eval
::location('/asks/', 'webhook signed; auth_request /auth; '
                     . ::signature('github', 1))
. ::location('/asks-signed/', 'auth_request /bare/;')
. ::location('/mirrors/', 'mirror /github/;')
. ::location('/mirrored/', 'webhook signed; mirror /slack/; '
                           . ::signature('github', 1))
. ::location('/bare/', 'webhook signed; proxy_pass_request_body off;
                        proxy_set_header Content-Length ""; '
                       . ::signature('github', 1))
. 'location = /auth {
       if ($http_x_auth) {
           return 403;
       }
       return 204;
   }'
--- client eval
sub {
    my $is = shift;
    my @good = ::sign('github', 'x');

    ::ask($is, '/asks/',
          ['right', ::accepted('x'), 'x', @good],
          ['wrong', ::refused('github', 'invalid_signature'), 'y', @good],
          ['none', ::refused('github', 'missing_signature'), 'x'],
          ['none, and forbidden', '403 [] ' . ::page('403 Forbidden'), 'x',
           'X-Auth' => 1]);

    ::ask($is, '/mirrored/',
          ['right', ::accepted('x'), 'x', @good],
          ['right, large', ::accepted('x' x 50000), 'x' x 50000,
           ::sign('github', 'x' x 50000)],
          ['none', ::refused('github', 'missing_signature'), 'x']);

    # the subrequests are not judged
    ::ask($is, $_, ['not judged', ::accepted('x'), 'x'])
        for qw(/asks-signed/ /mirrors/);
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 8: a signed location after another one has read the body
--- config eval
my $read = 'mirror /mirror; error_page 404 = @signed; log_not_found off;';

::location('/memory/', $read, '')
. ::location('/file/', "client_body_buffer_size 1k; $read", '')
. ::location('/only/', "client_body_in_file_only clean; $read", '')
. ::location('/upstream/', 'error_page 503 = @signed; proxy_intercept_errors on;
                            client_body_buffer_size 1k;',
             'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/status/503/;')
. ::location('/from-signed/', 'webhook signed; error_page 502 = @slack; '
                              . ::signature('github', 1),
             'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;')
. ::location('/from-luzmo/', 'webhook luzmo; webhook_secret off;
                              error_page 502 = @luzmo;',
             'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_9;')
. ::location('@signed', 'webhook signed; ' . ::signature('github', 1))
. ::location('@slack', 'webhook signed; ' . ::signature('slack', 1))
. ::location('@luzmo', 'webhook luzmo; ' . ::signature('shopify', 1))
--- client eval
sub {
    my $is = shift;

    for my $uri (qw(/memory/ /file/ /only/ /upstream/)) {
        for my $body ('', 'x', 'x' x 50000) {
            ::ask($is, $uri,
                  ['right', ::accepted($body), $body, ::sign('github', $body)],
                  ['wrong', ::refused('github', 'invalid_signature'), $body,
                   ::sign('github', "$body ")],
                  ['none', ::refused('github', 'missing_signature'), $body]);
        }
    }

    ::ask($is, '/from-signed/',
          ['both right', ::accepted('x'), 'x', ::sign('github', 'x'),
           ::sign('slack', 'x')],
          ['the second wrong', ::refused('slack', 'invalid_signature'), 'x',
           ::sign('github', 'x'), ::sign('slack', 'y')],
          ['the second none', ::refused('slack', 'missing_signature'), 'x',
           ::sign('github', 'x')],
          ['the first wrong', ::refused('github', 'invalid_signature'), 'x',
           ::sign('github', 'y'), ::sign('slack', 'x')],
          ['the first none', ::refused('github', 'missing_signature'), 'x',
           ::sign('slack', 'x')]);

    ::ask($is, '/from-luzmo/data_updated',
          ['right', ::accepted($::Json), $::Json,
           'Content-Type' => 'application/json', ::sign('shopify', $::Json)],
          ['wrong', ::luzmo_refused('shopify', 'invalid_signature'), $::Json,
           'Content-Type' => 'application/json', ::sign('shopify', 'x')]);
}
--- error_log
a client request body is buffered to a temporary file
connect() failed
