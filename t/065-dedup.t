use lib 't/lib';
use WebhookTest 'no_plan';

use Answers qw(refused);
use Digest::SHA qw(hmac_sha256_hex);
use IO::Socket::INET ();
use LuzmoEvent qw($User $Body);

# Events that come twice: webhook_dedup.  What is under way, what is killed and
# what is reloaded is in 066-dedup-process.t.

our $App = '5f0f9b52-6a0e-4d0c-8c43-0d9f64d0a7b1';

# PORT_1 answers with the status in X-Answer, and writes X-Seen into its log;
# nobody listens on PORT_9.
our $Servers = <<'END';
    webhook_dedup_zone zone=events:64k;
    webhook_dedup_zone zone=others:64k;
    webhook_zone zone=hooks:64k;

    map $http_x_answer $answer {
        default    200;
        ~^\d\d\d$  $http_x_answer;
    }

    map $http_x_port $port {
        default  $TEST_NGINX_PORT_1;
        none     $TEST_NGINX_PORT_9;
    }

    log_format upstream $http_x_seen;

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;

        access_log logs/upstream.log upstream;

        location / {
            return 200 "passed $http_x_seen\n";
        }

        STATUS

        location /accel/ {
            add_header X-Accel-Redirect $http_x_accel;
            return 200;
        }
    }
END

$Servers =~ s[STATUS][
    join "\n", map { "location /$_/ { return $_ 'upstream $_\n'; }" }
                   201, 202, 204, 206, 299, 302, 400, 404, 409, 429, 500, 503
]e;

# Test::Nginx empties the server root between blocks, but not of this.
our $Queue = "$ENV{TEST_NGINX_SERVROOT}.queue";
unlink glob "$Queue*";

our $Ready = 'location = /ready { return 200; }';

# A location for events, and what else is to be in it.
sub hook {
    my $more = shift // '';
    my $name = shift // '/hook/';

    $more .= ' webhook_dedup $http_webhook_id zone=events;'
        if $more !~ /webhook_dedup/;
    $more .= ' proxy_pass http://127.0.0.1:$port/$answer/;'
        if $more !~ /proxy_pass|try_files/;

    return "location $name { webhook luzmo; webhook_secret s3cr3t;\n$more\n}\n";
}

# An event for steps: with a webhook-id, and other headers.
sub event {
    my ($id, @headers) = @_;

    return {uri => '/hook/data_updated', body => $Body,
            headers => ['X-Secret: s3cr3t',
                        defined $id ? "webhook-id: $id" : (), @headers]};
}

# Another one: uri, body, headers
sub other { my %with = @_; return {%{event('msg_1')}, %with} }

our $Invalid = refused(luzmo => 'invalid_secret');
our $Missing = refused(luzmo => 400, 'slug is required', 'missing_field',
                       field => 'slug');

# Status, body and headers of the answer to an event.
sub post {
    my $event = shift;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => server_port(),
                                       Timeout => 5) or die "connect: $!";

    print $socket join("\r\n",
                       ($event->{method} // 'POST') . " $event->{uri} HTTP/1.1",
                       'Host: x', @{$event->{headers}},
                       'Content-Type: application/json', 'Connection: close',
                       'Content-Length: ' . length $event->{body}, '',
                       $event->{body});

    my $answer = do { local $/; <$socket> };

    my ($status, $headers, $body)
        = $answer =~ m{^HTTP/1\.1 (\d+) .*?\r\n(.*?\r\n)\r\n(.*)}s
        or return ('', '');

    return ("$status $body", $headers);
}

# What the upstream has got, by X-Seen, in any order.
sub arrived {
    my $n = shift;
    my @seen;

    # A line is written after the answer.
    for (1 .. 100) {
        open my $log, '<', "$ENV{TEST_NGINX_SERVROOT}/logs/upstream.log"
            or die "upstream.log: $!";
        chomp(@seen = <$log>);
        last if @seen >= $n;
        select undef, undef, undef, 0.05;
    }

    return join ' ', sort @seen;
}

# steps: each event is followed by what it is answered, a text or a pattern
add_response_body_check(sub {
    my $block = shift;
    my @steps = @{$block->steps // []};

    for (my $n = 1; my ($event, $expected) = splice @steps, 0, 2; $n++) {
        my ($answer) = post($event);
        my $name = $block->name . " - event $n";

        ref $expected eq 'Regexp' ? like($answer, $expected, $name)
                                  : is($answer, $expected, $name);
    }

    if (defined $block->client) {
        is(ref $block->client, 'CODE', $block->name . ' - the client compiles');
        $block->client->(sub { is($_[0], $_[1], $block->name . " - $_[2]") });
    }
});

add_block_preprocessor(sub {
    my $block = shift;

    if ($block->steps || $block->client) {
        $block->set_value('request', 'GET /ready');
        $block->set_value('config', $Ready . ($block->config // hook()));
    }

    $block->set_value('http_config', $Servers) unless $block->http_config;
    $block->set_value('config', hook()) unless $block->config;
    $block->set_value('request', 'GET /') unless defined $block->request;
});

no_shuffle();
run_tests();

__DATA__

=== TEST 1: the second one is answered as the first was, and not passed on
--- steps eval
[::event('msg_1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n),
 ::event('msg_2'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]
--- error_log
webhook luzmo duplicate



=== TEST 2: no key: each one is passed on
--- steps eval
[::event(undef), "200 passed \n",
 ::event(undef), "200 passed \n",
 ::event(''), "200 passed \n"]
--- no_error_log
duplicate
[error]



=== TEST 3: what is refused claims nothing
--- steps eval
[::other(body => '{}'), $::Missing,
 ::other(uri => '/hook/unknown'),
 ::refused(luzmo => 'unknown_event'),
 ::other(method => 'PUT'),
 ::refused(luzmo => 'method_not_allowed'),
 ::other(headers => ['X-Secret: wrong', 'webhook-id: msg_1']), $::Invalid,
 ::event('msg_1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]



=== TEST 4: a duplicate is judged before it is known for one
--- steps eval
[::event('msg_1'), "200 passed \n",
 ::other(headers => ['X-Secret: wrong', 'webhook-id: msg_1']), $::Invalid,
 ::other(body => '{}'), $::Missing]



=== TEST 5: an answer that is no success gives the key back
--- steps eval
[(map { (::event('msg_1', "X-Answer: $_"), qr/^$_ /) }
      500, 503, 429, 404, 400, 409, 302),
 ::event('msg_1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]



=== TEST 6: so does an upstream that can't be reached
--- steps eval
[::event('msg_1', 'X-Port: none'), qr/^502 /,
 ::event('msg_1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]
--- error_log
connect() failed



=== TEST 7: nginx's own limits are before
--- config eval
::hook('limit_except GET { deny all; }')
. ::hook('client_max_body_size 10;', '/limited/') . ::hook('', '/open/')
--- steps eval
[::event('msg_1'), qr/^403 /,
 ::other(uri => '/limited/data_updated'), qr/^413 /,
 ::other(uri => '/open/data_updated'), "200 passed \n",
 ::other(uri => '/open/data_updated'), qq(200 {"id":"msg_1"}\n)]
--- error_log
access forbidden by rule
too large body



=== TEST 8: the status is the first one's, whatever 2xx it was
--- steps eval
[map { (::event("msg_$_", "X-Answer: $_"), "$_ upstream $_\n",
        ::event("msg_$_"), qq($_ {"id":"msg_$_"}\n)) } 201, 202, 206, 299]



=== TEST 9: 204 has no body
--- client eval
sub {
    my $is = shift;

    for my $event (::event('msg_1', 'X-Answer: 204'), ::event('msg_1')) {
        my ($answer, $headers) = ::post($event);

        $is->($answer, '204 ', 'the answer');
        $is->(scalar($headers =~ /^content-(?!length: 0)/mi), '', 'its headers');
    }
}



=== TEST 10: media type and connection of the answer to a duplicate
--- client eval
sub {
    my $is = shift;
    ::post(::event('msg_1'));
    my ($answer, $headers) = ::post(::event('msg_1'));

    $is->(CORE::join(' ', $headers =~ /^(content-.*?|retry-after.*?)\r$/mig),
          'Content-Type: application/json Content-Length: 15', 'the headers');
}



=== TEST 11: the key is any expression, of the payload as well
--- config eval
::hook('webhook_dedup $webhook_field_slug:$webhook_field_dataset_id '
       . 'zone=events;')
--- steps eval
[map { (::other(body => $::Body =~ s/"d"/"$_->[0]"/r, headers =>
                ['X-Secret: s3cr3t']), $_->[1]) }
     ['a', "200 passed \n"], ['b', "200 passed \n"], ['\\u0061', "200 {}\n"],
     ['a', "200 {}\n"]]



=== TEST 12: keys of 4 KB, which differ in their last byte
--- http_config eval
$::Servers . 'large_client_header_buffers 4 16k;'
--- config eval
::hook('webhook_dedup $http_x_key zone=events;')
--- steps eval
[map { (::event(undef, 'X-Key: ' . 'k' x 4095 . $_->[0]), $_->[1]) }
     ['a', "200 passed \n"], ['b', "200 passed \n"], ['a', "200 {}\n"],
     ['b', "200 {}\n"]]



=== TEST 13: a key that is a capture
--- config eval
::hook('webhook_dedup $1 zone=events;', '~ ^/to-(\w*)/data_updated$')
--- steps eval
[map { (::other(uri => "/to-$_->[0]/data_updated"), $_->[1]) }
     ['a', "200 passed \n"], ['b', "200 passed \n"],
     ['a', qq(200 {"id":"msg_1"}\n)], ['', "200 passed \n"],
     ['', "200 passed \n"]]



=== TEST 14: an id is made where it is used, and comes back
--- config eval
::hook('webhook_dedup $http_x_key zone=events; '
       . 'proxy_set_header X-Seen $webhook_id;')
--- client eval
sub {
    my $is = shift;
    my $uuid = qr/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;

    my ($first) = ::post(::event(undef, 'X-Key: 1'));
    my ($id) = $first =~ /^200 passed ($uuid)\n$/;
    my ($second) = ::post(::event(undef, 'X-Key: 1'));

    $is->(defined $id, 1, 'the upstream has one');
    $is->($second, qq(200 {"id":"$id"}\n), 'and so has a duplicate');
}



=== TEST 15: an id for a log only is the one in the log
--- http_config eval
$::Servers . q(log_format seen '$webhook_id';)
--- config eval
::hook('webhook_dedup $http_x_key zone=events; access_log logs/seen.log seen;')
--- client eval
sub {
    my $is = shift;

    ::post(::event(undef, 'X-Key: 1'));
    my ($second) = ::post(::event(undef, 'X-Key: 1'));

    # The line is written before the second answer.
    open my $log, '<', "$ENV{TEST_NGINX_SERVROOT}/logs/seen.log" or die $!;
    my ($id) = <$log> =~ /^(.*)\n$/;

    $is->(length $id, 36, 'there is one in the log');
    $is->($second, qq(200 {"id":"$id"}\n), 'and a duplicate has it');
}



=== TEST 16: an id is escaped, and one of more than 45 characters not kept
--- config eval
::hook('webhook_dedup $http_x_key zone=events;')
--- steps eval
[::event('a"b\\c', 'X-Key: 1'), "200 passed \n",
 ::event('a"b\\c', 'X-Key: 1'), '200 {"id":"a\\"b\\\\c"}' . "\n",
 ::event('i' x 45, 'X-Key: 2'), "200 passed \n",
 ::event('x', 'X-Key: 2'), '200 {"id":"' . 'i' x 45 . qq("}\n),
 ::event('i' x 46, 'X-Key: 3'), "200 passed \n",
 ::event('x', 'X-Key: 3'), "200 {}\n"]



=== TEST 17: $webhook_reason of a duplicate, and its own id
--- http_config eval
$::Servers . q(log_format seen 'event: $status "$webhook_reason" [$webhook_id]';)
--- config eval
::hook('webhook_dedup $http_x_key zone=events; '
       . 'access_log logs/access.log seen;')
--- steps eval
[::event('first', 'X-Key: 1'), "200 passed \n",
 ::event('second', 'X-Key: 1'), qq(200 {"id":"first"}\n),
 ::event(undef, 'X-Key: 1'), qq(200 {"id":"first"}\n)]
--- access_log eval
[qr/^event: 200 "" \[first\]$/, qr/^event: 200 "duplicate" \[second\]$/,
 qr/^event: 200 "duplicate" \[[0-9a-f]{8}-/]



=== TEST 18: inherited from http, another key, and off
--- http_config eval
$::Servers . 'webhook_dedup $http_webhook_id zone=events;'
--- config eval
CORE::join '', map {
    "location /$_->[0]/ { webhook luzmo; webhook_secret off; $_->[1]"
    . ' proxy_pass http://127.0.0.1:$port/$answer/; }'
} ['a', ''], ['b', 'webhook_dedup $http_x_key zone=events;'],
  ['c', 'webhook_dedup off;']
--- steps eval
[map { (::other(uri => "/$_->[0]/data_updated",
                headers => ['webhook-id: msg_1', 'X-Key: msg_2']), $_->[1]) }
     ['a', "200 passed \n"], ['a', qq(200 {"id":"msg_1"}\n)],
     ['b', "200 passed \n"], ['b', qq(200 {"id":"msg_1"}\n)],
     ['c', "200 passed \n"], ['c', "200 passed \n"]]



=== TEST 19: a zone's keys are those of all its locations
--- config eval
::hook('', '/a/') . ::hook('', '/b/')
. ::hook('webhook_dedup $http_webhook_id zone=others;', '/c/')
--- steps eval
[map { (::other(uri => "/$_->[0]/data_updated"), $_->[1]) }
     ['a', "200 passed \n"], ['b', qq(200 {"id":"msg_1"}\n)],
     ['c', "200 passed \n"]]



=== TEST 20: Munity
--- config
    location /hook {
        webhook munity;
        webhook_secret s3cr3t;
        webhook_dedup $webhook_event:$webhook_field_workspace_id zone=events;
        proxy_pass http://127.0.0.1:$port/$answer/;
    }
--- steps eval
my $event = sub {
    my ($workspace, $id) = @_;

    return ::other(headers => ['X-Secret: s3cr3t', "webhook-id: $id"],
                   body => qq({"workspace_id":"$workspace","customer_id":null,)
                           . '"event":"webhook_test","state":null,'
                           . '"payload":{"test":true}}');
};

[$event->('a', 1), "200 passed \n",
 $event->('b', 2), "200 passed \n",
 $event->('a', 3), qq(200 {"id":"1"}\n)]



=== TEST 21: signed
--- config
    location /hook {
        webhook signed;
        webhook_signature github s3cr3t;
        webhook_dedup $http_x_github_delivery zone=events;
        proxy_pass http://127.0.0.1:$port/$answer/;
    }
--- steps eval
my $event = sub {
    return ::other(headers => ['X-GitHub-Delivery: 1',
                               "X-Hub-Signature-256: sha256=$_[0]"],
                   body => 'body');
};

my $good = ::hmac_sha256_hex('body', 's3cr3t');

[$event->('0' x 64), qr/^401 .*"invalid_signature"/,
 $event->($good), "200 passed \n",
 $event->($good), "200 {}\n",
 $event->('0' x 64), qr/^401 .*"invalid_signature"/]



=== TEST 22: Lenra's triggers, and nothing else of it
--- http_config eval
$::Servers . 'map $http_webhook_id $trigger { "" ""; '
           . 'default $uri:$http_webhook_id; }'
--- config eval
qq(
    webhook_app $::App environment=1 token=t0ken;
    webhook_dedup \$trigger zone=events;

    location /app/ {
        webhook lenra zone=hooks;
    }

    location /apps/ {
        webhook lenra zone=hooks;
        proxy_pass http://127.0.0.1:\$port/\$answer/;
    }
)
--- client eval
sub {
    my $is = shift;

    my $post = sub {
        my ($uri, $body, $id) = @_;
        my ($answer) = ::post({uri => $uri, body => $body,
                               headers => ["webhook-id: $id",
                                           'Authorization: Bearer t0ken']});
        return $answer;
    };

    my ($uuid, $other) = map {
        $post->('/app/webhooks', '{"action":"a"}', 'msg_1')
            =~ /^200 \{"uuid":"([0-9a-f-]{36})"/
    } 1, 2;

    $is->(defined $other && $uuid ne $other, 1, 'created');

    my $uri = "/apps/$::App/webhooks/$uuid";

    $is->($post->($uri, '{"a":1}', 'msg_1'), "200 passed \n", 'triggered');
    $is->($post->($uri, '{"a":1}', 'msg_1'), qq(200 {"id":"msg_1"}\n),
          'triggered again');
    $is->($post->("/apps/$::App/webhooks/$other", '{"a":1}', 'msg_1'),
          "200 passed \n", 'another one, by the same id');
    $is->($post->($uri, '{"a":1}', ''), "200 passed \n", 'by none') for 1, 2;
    $is->($post->($uri, '{"a":1', 'msg_2'),
          '400 {"message":"the body is not valid JSON",'
          . qq("reason":"invalid_json","offset":6}\n), 'refused');
    $is->($post->($uri, '{"a":1}', 'msg_2'), "200 passed \n", 'and then not');
}



=== TEST 23: error_page makes a success of it, and that is what counts
--- config eval
::hook('proxy_intercept_errors on; error_page 502 503 = @fallback;')
. 'location @fallback { return 202 "kept\n"; }'
--- steps eval
[::event('msg_1', 'X-Port: none'), "202 kept\n",
 ::event('msg_1'), qq(202 {"id":"msg_1"}\n),
 ::event('msg_2', 'X-Answer: 503'), "202 kept\n",
 ::event('msg_2'), qq(202 {"id":"msg_2"}\n)]
--- error_log
connect() failed



=== TEST 24: error_page to an error gives the key back
--- config eval
::hook('proxy_intercept_errors on; error_page 503 = @fallback;')
. 'location @fallback { return 500; }'
--- steps eval
[::event('msg_1', 'X-Answer: 503'), qr/^500 /,
 ::event('msg_1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]



=== TEST 25: a request does not wait for itself in another location
--- config eval
::hook('error_page 502 = @again;')
. ::hook('proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/$answer/;', '@again')
--- steps eval
[::event('msg_1', 'X-Port: none', 'X-Answer: 500'), "500 upstream 500\n",
 ::event('msg_1', 'X-Port: none'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]
--- error_log
connect() failed



=== TEST 26: the keys of two locations, both given back and both confirmed
--- config eval
my $more = 'webhook_dedup $http_x_key zone=others;'
           . ' proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/$answer/;';

::hook('error_page 502 = @again;') . ::hook($more, '@again')
. ::hook($more, '/again/')
--- steps eval
my $again = sub {
    return ::other(uri => '/again/data_updated',
                   headers => ['X-Secret: s3cr3t', "X-Key: $_[0]"]);
};

[::event('msg_1', 'X-Port: none', 'X-Answer: 500', 'X-Key: 1'),
 "500 upstream 500\n",
 ::event('msg_1', 'X-Port: none', 'X-Key: 1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n),
 $again->(1), qq(200 {"id":"msg_1"}\n),
 $again->(2), "200 passed \n",
 ::event('msg_2', 'X-Port: none', 'X-Key: 2'), "200 {}\n",
 ::event('msg_2'), qq(200 {"id":"msg_2"}\n)]
--- error_log
connect() failed



=== TEST 27: a refusal in the second location gives the key of the first back
--- config eval
::hook('error_page 502 = @again;')
. 'location @again { webhook luzmo; webhook_secret another; }'
--- steps eval
[::event('msg_1', 'X-Port: none'), $::Invalid,
 ::event('msg_1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]
--- error_log
connect() failed



=== TEST 28: what upstream redirects to decides
--- config eval
::hook('proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/accel/;')
. 'location = /bad { return 500; } location = /good { return 200 "good\n"; }'
--- steps eval
[::event('msg_1', 'X-Accel: /bad'), qr/^500 /,
 ::event('msg_1', 'X-Accel: /good'), "200 good\n",
 ::event('msg_1', 'X-Accel: /good'), qq(200 {"id":"msg_1"}\n)]



=== TEST 29: a duplicate is neither mirrored nor looked for by try_files
--- config eval
::hook('mirror /mirror;') . ::hook('try_files /none @app;', '/files/')
. 'location = /mirror { internal; proxy_set_header X-Seen mirror;'
. ' proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }'
. 'location @app { proxy_set_header X-Seen application;'
. ' proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1; }'
--- client eval
sub {
    my $is = shift;

    for my $step (['hook', "200 passed here\n"],
                  ['hook', qq(200 {"id":"msg_1"}\n)],
                  ['files', qq(200 {"id":"msg_1"}\n)],
                  ['files', "200 passed application\n", 'msg_2'],
                  ['files', qq(200 {"id":"msg_2"}\n), 'msg_2'],
                  ['hook', qq(200 {"id":"msg_2"}\n), 'msg_2'])
    {
        my ($location, $expected, $id) = @$step;
        my $event = ::event($id // 'msg_1', 'X-Seen: here');

        $event->{uri} = "/$location/data_updated";

        my ($answer) = ::post($event);
        $is->($answer, $expected, 'the answer');
    }

    $is->(::arrived(3), 'application here mirror', 'what has arrived');
}



=== TEST 30: a mirror's answer does not count
--- config eval
::hook('mirror /mirror;')
. 'location = /mirror { internal; '
. ' proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1/$http_x_mirror/; }'
--- steps eval
[::event('msg_1', 'X-Mirror: 201', 'X-Answer: 500'), "500 upstream 500\n",
 ::event('msg_1', 'X-Mirror: 201'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n),
 ::event('msg_2', 'X-Mirror: 500'), "200 passed \n",
 ::event('msg_2'), qq(200 {"id":"msg_2"}\n)]



=== TEST 31: HTTP/2
--- http2
--- request eval
[("POST /hook/data_updated\n$::Body") x 3]
--- more_headers eval
my $headers = "Content-Type: application/json\nX-Secret: s3cr3t\n"
              . 'webhook-id: msg_1';

["$headers\nX-Answer: 500", $headers, $headers]
--- error_code eval
[500, 200, 200]
--- response_body eval
["upstream 500\n", "passed \n", qq({"id":"msg_1"}\n)]



=== TEST 32: one after the other on one connection
--- pipelined_requests eval
[("POST /hook/data_updated\n$::Body") x 3]
--- more_headers
Content-Type: application/json
X-Secret: s3cr3t
webhook-id: msg_1
--- error_code eval
[200, 200, 200]
--- response_body eval
["passed \n", qq({"id":"msg_1"}\n), qq({"id":"msg_1"}\n)]



=== TEST 33: a location without webhook is none of it
--- config
    webhook_dedup $http_webhook_id zone=events;

    location /hook/ {
        proxy_pass http://127.0.0.1:$port/$answer/;
    }
--- steps eval
[::event('msg_1'), "200 passed \n",
 ::event('msg_1'), "200 passed \n"]



=== TEST 34: a queue's answer, with the id that it gave
--- http_config eval
$::Servers . "webhook_queue_path $::Queue queue=events;"
--- config eval
::hook('webhook_queue events; set $unused proxy_pass;')
--- client eval
sub {
    my $is = shift;
    my ($first) = ::post(::event('msg_1'));
    my ($second) = ::post(::event('msg_1'));

    $is->(scalar($first =~ /^202\ \{"id":"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}
                                 -[0-9a-f]{12}"\}\n\z/x),
          1, 'the first one is queued');
    $is->($second, $first, 'and the second one answered as it was');

    ($second) = ::post(::event('msg_2'));
    $is->($second ne $first && $second =~ /^202 \{"id"/, 1, 'another one');
}



=== TEST 35: what a queue refuses is given back
--- http_config eval
$::Servers . "webhook_queue_path $::Queue queue=full max_size=128k;"
--- config eval
::hook('webhook_queue full; client_max_body_size 1m; set $unused proxy_pass;')
. ::hook('', '/open/')
--- client eval
sub {
    my $is = shift;
    my $large = $::Body =~ s/\}$/',"more":"' . 'x' x 200000 . '"}'/er;
    my ($answer) = ::post(::other(body => $large));

    $is->(scalar($answer =~ /^503 .*"reason":"queue_full"/), 1, 'it is full');

    ($answer) = ::post(::other(uri => '/open/data_updated'));
    $is->($answer, "200 passed \n", 'the key is free');
}
--- error_log
webhook queue "full" is full



=== TEST 36: an unknown zone
--- config eval
::hook('webhook_dedup $http_webhook_id zone=none;')
--- must_die
--- error_log eval
qr{\[emerg\] .*unknown webhook dedup zone "none" in \S+/conf/nginx\.conf:\d+$}



=== TEST 37: the zone of something else
--- config eval
::hook('webhook_dedup $http_webhook_id zone=hooks;')
--- must_die
--- error_log
the shared memory zone "hooks" is already declared for a different use



=== TEST 38: a dedup zone is none of registrations
--- config
    location /app/ {
        webhook lenra zone=events;
    }
--- must_die
--- error_log
the shared memory zone "events" is already declared for a different use



=== TEST 39: a zone twice
--- http_config eval
$::Servers . 'webhook_dedup_zone zone=events:64k;'
--- must_die
--- error_log eval
qr{\[emerg\] .*webhook dedup zone "events" is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 40: a zone that is too small
--- http_config eval
$::Servers . 'webhook_dedup_zone zone=small:28k;'
--- must_die
--- error_log eval
qr{\[emerg\] .*zone "zone=small:28k" is too small in \S+/conf/nginx\.conf:\d+$}



=== TEST 41: a zone without a size
--- http_config eval
$::Servers . 'webhook_dedup_zone zone=small;'
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "zone=small" in \S+/conf/nginx\.conf:\d+$}



=== TEST 42: a zone without a name
--- http_config eval
$::Servers . 'webhook_dedup_zone zone=:64k;'
--- must_die
--- error_log
invalid parameter "zone=:64k" in



=== TEST 43: a zone that is none
--- http_config eval
$::Servers . 'webhook_dedup_zone name=small:64k;'
--- must_die
--- error_log
invalid parameter "name=small:64k" in



=== TEST 44: a zone in a server
--- config
    webhook_dedup_zone zone=small:64k;
--- must_die
--- error_log
"webhook_dedup_zone" directive is not allowed here



=== TEST 45: no zone
--- config eval
::hook('webhook_dedup $http_webhook_id;')
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_dedup" directive needs "zone=" in \S+/conf/nginx\.conf:\d+$}



=== TEST 46: an empty zone
--- config eval
::hook('webhook_dedup $http_webhook_id zone=;')
--- must_die
--- error_log
invalid parameter "zone=" in



=== TEST 47: two zones
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events zone=others;')
--- must_die
--- error_log
invalid parameter "zone=others" in



=== TEST 48: no time
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=0;')
--- must_die
--- error_log
invalid parameter "ttl=0" in



=== TEST 49: an empty time
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=;')
--- must_die
--- error_log
invalid parameter "ttl=" in



=== TEST 50: a time that is none
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=soon;')
--- must_die
--- error_log
invalid parameter "ttl=soon" in



=== TEST 51: milliseconds
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=100ms;')
--- must_die
--- error_log
invalid parameter "ttl=100ms" in



=== TEST 52: a very long time
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=100y;')
--- steps eval
[::event('msg_1'), "200 passed \n",
 ::event('msg_1'), qq(200 {"id":"msg_1"}\n)]



=== TEST 53: another parameter
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events size=1;')
--- must_die
--- error_log
invalid parameter "size=1" in



=== TEST 54: a key that is always the same
--- config eval
::hook('webhook_dedup webhook_id zone=events;')
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_dedup" directive has a key without a variable: all events would be one in \S+/conf/nginx\.conf:\d+$}



=== TEST 55: an empty key
--- config eval
::hook('webhook_dedup "" zone=events;')
--- must_die
--- error_log
"webhook_dedup" directive has a key without a variable



=== TEST 56: an unknown variable
--- config eval
::hook('webhook_dedup $no_such zone=events;')
--- must_die
--- error_log
unknown "no_such" variable



=== TEST 57: off has no parameters
--- config eval
::hook('webhook_dedup off zone=events;')
--- must_die
--- error_log
"webhook_dedup" directive off has no parameters in



=== TEST 58: twice in a location
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events; webhook_dedup off;')
--- must_die
--- error_log
"webhook_dedup" directive is duplicate in



=== TEST 59: a time of more than 100 years, 9223372036854775807
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=9223372036854775807;')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "ttl=9223372036854775807" in \S+/conf/nginx\.conf:\d+$}m



=== TEST 60: a time of more than 100 years, 9223372036854775
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=9223372036854775;')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "ttl=9223372036854775" in \S+/conf/nginx\.conf:\d+$}m



=== TEST 61: a time of more than 100 years, 101y
--- config eval
::hook('webhook_dedup $http_webhook_id zone=events ttl=101y;')
--- must_die
--- error_log eval
qr{\[emerg\] .*invalid parameter "ttl=101y" in \S+/conf/nginx\.conf:\d+$}m



=== TEST 62: an id that somebody asked for before it was known whose it is
--- http_config eval
$::Servers . 'webhook_scheme own { signature X-Sig; id X-Id; '
           . 'content "$id.$body"; }'
--- config
    set $asked $webhook_id;

    location /hook {
        webhook signed;
        webhook_signature own s3cr3t;
        webhook_dedup $webhook_id zone=events;
        proxy_set_header X-Seen $webhook_id;
        proxy_pass http://127.0.0.1:$port/$answer/;
    }
--- steps eval
my $event = sub {
    my ($id, @headers) = @_;

    return ::other(headers => ["X-Id: $id", @headers, 'X-Sig: '
                               . ::hmac_sha256_hex("$id.body", 's3cr3t')],
                   body => 'body');
};

[$event->('a'), "200 passed a\n",
 $event->('a'), qq(200 {"id":"a"}\n),
 $event->('a', 'webhook-id: b'), qq(200 {"id":"a"}\n),
 $event->('b', 'webhook-id: a'), "200 passed b\n"]
