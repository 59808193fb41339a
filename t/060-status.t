use strict;
use warnings;

use lib 't/lib';
use Answers qw(problem);
use NginxProcess;
use Test::More;

use File::Basename qw(dirname);
use IO::Socket::INET ();
use IO::Socket::IP ();
use IO::Socket::UNIX ();
use JSON::PP ();
use Time::HiRes qw(sleep time);

# What webhook_status says: each request is counted once, whatever becomes of
# it, in each format, over reloads, while workers die; and what "nginx -t" says
# to webhook_status and webhook_status_zone.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;
my $Top = dirname(dirname(File::Spec->rel2abs(__FILE__)));

my $App = '8c8e1f0a-5b0c-4f7e-9d43-0f3f6f0f1c11';
my $Luzmo = '{"slug":"acme","user_id":"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d",'
            . '"key":"a3c9e5d0-1b2c-4d3e-8f4a-5b6c7d8e9f01",'
            . '"dataset_id":"d"}';
my $Munity = '{"workspace_id":"w","customer_id":null,"event":"webhook_test",'
             . '"state":null,"payload":{"test":true}}';

my @Json = ('Content-Type' => 'application/json');
my @Secret = ('X-Secret' => 's3cr3t', @Json);
my @Token = (Authorization => 'Bearer t0ken', @Json);


# --- configurations and requests ------------------------------------------

# zone: the parameters of webhook_status_zone, none if it is ''
sub config {
    my ($nginx, %with) = @_;
    my $zone = $with{zone} // 'zone=status:64k';
    my $http = $with{http} // '';
    my $server = $with{server} // '';
    my ($port, $other, $upstream) = map { NginxProcess::port($_) } 0, 1, 2;
    my $status = '';

    if ($zone ne '') {
        $http .= "webhook_status_zone $zone;\n";
        $status = <<'END';
        location = /status {
            webhook_status zone=status;
        }
        location = /status/json {
            webhook_status zone=status json api=/hooks/;
        }
        location = /status/prometheus {
            webhook_status prometheus zone=status;
        }
        location = /status/html {
            webhook_status zone=status html;
        }
END
    }

    $nginx->configure(%with, http => <<END);
    $http

    webhook_secret s3cr3t;

    server {
        listen 127.0.0.1:$port;
        listen [::1]:$other;
        listen unix:$Root/socket;

        $status

        location /luzmo/ {
            webhook luzmo;
            proxy_pass http://127.0.0.1:$upstream;
        }

        location = /munity {
            webhook munity;
            client_max_body_size 1k;
            client_body_timeout 1s;
            proxy_pass http://127.0.0.1:$upstream;
        }

        $server
    }

    server {
        listen 127.0.0.1:$upstream;
        return 200 "taken\\n";
    }
END

    return $nginx;
}

my $Client = NginxProcess::Client->new;

sub nginx {
    my ($name, %with) = @_;

    $Client->close;
    return config(NginxProcess->new(name => $name), %with)->start;
}

sub post {
    my ($uri, $body, @headers) = @_;
    my $answer = $Client->request(POST => $uri, $body, @headers);

    return $answer ? $answer->{status} : 'nothing';
}

sub get {
    my ($uri, @headers) = @_;
    return $Client->request(GET => $uri, undef, @headers);
}

sub status { return JSON::PP::decode_json(get('/status')->{body}) }

# All that is not zero, as lines of "provider event reason number".
sub counted {
    my $status = shift // status();
    my @lines;

    for my $provider (@{$status->{providers}}) {
        for my $event (@{$provider->{events}}) {
            my %number = (accepted => $event->{accepted},
                          %{$event->{refused}});

            push @lines, map {
                join ' ', $provider->{provider}, $event->{event} // '-', $_,
                          $number{$_}
            } grep { $number{$_} } sort keys %number;
        }
    }

    return join "\n", sort @lines;
}

sub reload {
    my ($nginx, $name) = @_;

    ok($nginx->reload, $name);
    $Client->close;
}

# The answer comes before the request is logged, where it is counted.
sub counted_is {
    my ($expected, $name) = @_;

    $expected = join "\n", sort split /\n/, $expected;
    wait_until(sub { counted() eq $expected }, 5);
    is(counted(), $expected, $name);
}


# --- what nginx -t says ---------------------------------------------------

{
    my $nginx = NginxProcess->new(name => 'configuration');

    my $say = sub {
        my ($http) = @_;

        $nginx->configure(http => $http);

        my (undef, $output) = $nginx->run('-t');
        my $line = 1;

        for (split /\n/, NginxProcess::read_file("$Root/conf/nginx.conf")) {
            last if / # here$/;
            $line++;
        }

        my ($said) = $output =~ /\[emerg\] (.*)/;
        $said //= $output =~ /test is successful/ ? 'ok' : $output;
        $said =~ s{ in \S+/conf/nginx\.conf:$line$}{};

        return $said;
    };

    my $location = sub { "server {\nlocation / {\n$_[0]; # here\n}\n}\n" };
    my $zone = "webhook_status_zone zone=s:64k;\n";

    $nginx->expect(qr/\[emerg\]/);

    for my $good ('webhook_status zone=s', 'webhook_status zone=s json',
                  'webhook_status zone=s prometheus',
                  'webhook_status html zone=s',
                  'webhook_status zone=s html api=/hooks',
                  'webhook_status api=/ zone=s')
    {
        is($say->($zone . $location->($good)), 'ok', $good);
    }

    is($say->($location->('webhook_status zone=s') . $zone), 'ok',
       'a zone that is defined behind');
    is($say->($zone . "server { location / { webhook luzmo; webhook_secret x;"
              . 'location /s { webhook_status zone=s; } } }'),
       'ok', 'inside of a location with webhook');
    is($say->('webhook_status_zone zone=s:32k;'), 'ok', 'the smallest zone');
    is($say->('webhook_status_zone zone=s:1m refused=10000;'), 'ok',
       'many refused events');
    is($say->('webhook_status_zone refused=0 zone=s:32k;'), 'ok',
       'no refused events');

    for my $bad (
        ['webhook_status zone=s xml', 'invalid parameter "xml"'],
        ['webhook_status zone=s JSON', 'invalid parameter "JSON"'],
        ['webhook_status zone=s json html', 'invalid parameter "html"'],
        ['webhook_status zone=s api=hooks', 'invalid parameter "api=hooks"'],
        ['webhook_status zone=s api=', 'invalid parameter "api="'],
        ['webhook_status zone=s zone=t', 'invalid parameter "zone=t"'],
        ['webhook_status zone=', 'invalid parameter "zone="'],
        ['webhook_status json', '"webhook_status" directive needs "zone="'],
        ['webhook_status',
         'invalid number of arguments in "webhook_status" directive'],
        ['webhook_status zone=t', 'unknown webhook status zone "t"'],
        ['webhook_status zone=h', 'the shared memory zone "h" is already '
                                  . 'declared for a different use'],
        ["webhook_status zone=s;\nwebhook_status zone=s",
         '"webhook_status" directive is duplicate'],
        ["webhook off;\nwebhook_status zone=s",
         '"webhook_status" directive is used beside "webhook"'],
        ["webhook_status zone=s;\nwebhook off",
         '"webhook" directive is duplicate'])
    {
        is($say->("webhook_zone zone=h:64k;\n$zone" . $location->($bad->[0])),
           $bad->[1], $bad->[0] =~ s/\n/ /r);
    }

    for my $bad (
        ['zone=s', 'invalid parameter "zone=s"'],
        ['zone=:64k', 'invalid parameter "zone=:64k"'],
        ['zone=s:x', 'invalid parameter "zone=s:x"'],
        ['zone=s:31k', 'zone "zone=s:31k" is too small'],
        ['refused=1', '"webhook_status_zone" directive needs "zone="'],
        ['zone=s:64k refused=', 'invalid parameter "refused="'],
        ['zone=s:64k refused=-1', 'invalid parameter "refused=-1"'],
        ['zone=s:64k refused=65537', 'invalid parameter "refused=65537"'],
        ['zone=s:64k foo=bar', 'invalid parameter "foo=bar"'],
        ["zone=s:64k;\nwebhook_status_zone zone=t:64k",
         '"webhook_status_zone" directive is duplicate'],
        ["zone=s:64k;\nwebhook_zone zone=s:64k",
         'the shared memory zone "s" is already declared for a different '
         . 'use'],
        ["zone=s:64k;\nserver { location / { webhook lenra zone=s; } }",
         'the shared memory zone "s" is already declared for a different '
         . 'use', 1])
    {
        my ($text, $expected, $inside) = @$bad;

        $text .= ';' if !$inside;
        is($say->("webhook_status_zone $text # here\n"), $expected,
           "webhook_status_zone $bad->[0]" =~ s/\n/ /gr);
    }

    is($say->('webhook_status_zone zone=s:32k refused=10000;'),
       'webhook status zone "s" is too small',
       'a zone that is too small for its refused events');

    $nginx->finish;
}


# --- nothing yet ----------------------------------------------------------

sub timeless { return shift =~ s/"(time|since)":[\d.]+/"$1":0/gr }

{
    my $nginx = nginx('empty', zone => 'zone=status:32k');
    my $now = time;
    my $answer = get('/status');

    is($answer->{status}, 200, 'json: status');
    is($answer->{headers}{'content-type'}, 'application/json', 'json: type');
    is($answer->{headers}{'cache-control'}, 'no-store', 'json: not stored');
    is($answer->{headers}{'x-content-type-options'}, 'nosniff',
       'json: nosniff');

    my $version = `$ENV{TEST_NGINX_BINARY} -v 2>&1` =~ m{nginx/([\d.]+)}
                  ? $1 : '?';
    my $buckets = join ',', map { "[$_,0]" }
                  qw(5e-07 1e-06 2e-06 5e-06 1e-05 2e-05 5e-05 0.0001 0.001
                     0.01 0.1 null);
    my $judge = qq("judge_seconds":{"buckets":[$buckets],"count":0,)
                . '"sum":0.000000000}}';
    my $events = sub {
        join ",\n", map {
            my $name = $_ ? qq("$_") : 'null';
            qq( {"event":$name,"accepted":0,"refused":{}})
        } @_;
    };

    my $empty = qq({"time":0,"since":0,"nginx":"$version","zone":"status",)
        . qq("api":null,"providers":[\n{"provider":"luzmo","events":[\n)
        . $events->(qw(data_available data_updated account_deleted), '')
        . qq(],\n $judge,\n{"provider":"munity","events":[\n)
        . $events->('webhook_test', (map { "integration_$_" }
              qw(new_data_model updated_data_model deleted_data_model installed
                 import_done cannot_refresh_oauth_token oauth_token_fixed)),
              '')
        . qq(],\n $judge],\n"zones":[],\n"queues":[],\n"dedup":[],\n)
        . qq("memory":[\n{"zone":"status","bytes":32768,)
        . qq("used_bytes":BYTES}],\n"refused":[]}\n);

    my $got = timeless($answer->{body}) =~ s/"used_bytes":\d+/"used_bytes":BYTES/r;

    is($got, $empty, 'json: nothing');

    my $status = JSON::PP::decode_json($answer->{body});

    cmp_ok(abs($status->{time} - $now), '<', 5, 'json: the time');
    cmp_ok(abs($status->{since} - $now), '<', 30, 'json: since when');

    $answer = get('/status/prometheus');

    is($answer->{headers}{'content-type'},
       'text/plain; version=0.0.4; charset=utf-8', 'prometheus: type');

    my @help = $answer->{body} =~ /^# HELP (\S+) /mg;
    my @type = $answer->{body} =~ /^# TYPE (\S+ \S+)$/mg;
    my @samples = grep { !/^#/ } split /\n/, $answer->{body};

    is(join("\n", @type),
       "nginx_webhook_accepted_total counter\n"
       . "nginx_webhook_refused_total counter\n"
       . "nginx_webhook_judge_seconds histogram\n"
       . "nginx_webhook_zone_bytes gauge\n"
       . 'nginx_webhook_zone_used_bytes gauge', 'prometheus: metrics');
    is(join(' ', @help), join(' ', map { s/ .*//r } @type),
       'prometheus: each has a help');
    is(join("\n", grep { /judge/ && /munity/ } @samples),
       join("\n", (map { "nginx_webhook_judge_seconds_bucket"
                         . qq({provider="munity",le="$_"} 0) }
            qw(5e-07 1e-06 2e-06 5e-06 1e-05 2e-05 5e-05 0.0001 0.001 0.01
               0.1 +Inf)),
            'nginx_webhook_judge_seconds_sum{provider="munity"} 0.000000000',
            'nginx_webhook_judge_seconds_count{provider="munity"} 0'),
       'prometheus: a histogram');
    is(join("\n", grep { /luzmo/ && /_total/ } @samples),
       join("\n", map { 'nginx_webhook_accepted_total'
                        . qq({provider="luzmo",event="$_"} 0) }
            qw(data_available data_updated account_deleted), ''),
       'prometheus: events are there before they come');
    is((grep { /zone_bytes/ } @samples)[0],
       'nginx_webhook_zone_bytes{zone="status"} 32768',
       'prometheus: a zone');

    $nginx->finish;
}


# --- formats --------------------------------------------------------------

{
    my $nginx = nginx('formats', server => <<'END');
        location /any/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            webhook_status zone=status;
        }
        location /none/ {
            deny all;
            webhook_status zone=status;
        }
        location /own/ {
            error_page 400 = @own;
            webhook_status zone=status;
        }
        location @own {
            return 400 "$webhook_provider $webhook_reason\n";
        }
        location /outer/ {
            webhook luzmo;
            location = /outer/status {
                webhook_status zone=status;
            }
        }
END

    my %type = (json => 'application/json',
                prometheus => 'text/plain; version=0.0.4; charset=utf-8',
                html => 'text/html; charset=utf-8');

    my $is = sub {
        my ($uri, $format, $name, @headers) = @_;
        my $answer = get($uri, @headers);

        is("$answer->{status} $answer->{headers}{'content-type'}",
           "200 $type{$format}", $name);

        my $head = $Client->request(HEAD => $uri, undef, @headers);
        my %differs = map { $_ => 1 } qw(date content-length);

        is(join("\n", map { "$_: $head->{headers}{$_}" }
                grep { !$differs{$_} } sort keys %{$head->{headers}}),
           join("\n", map { "$_: $answer->{headers}{$_}" }
                grep { !$differs{$_} } sort keys %{$answer->{headers}}),
           "$name: HEAD");
        is($head->{body}, '', "$name: HEAD has no body");
    };

    $is->('/status', 'json', 'json unless told');

    for my $format (sort keys %type) {
        $is->("/status/$format", $format, "the directive: $format");
        $is->("/status/$format", $format, "the directive, not Accept: $format",
              Accept => 'application/json, text/html, text/plain');
        $is->("/status?format=$format", $format, "the argument: $format");
        $is->("/status?x=y&format=$format&z", $format,
              "the argument among others: $format", Accept => 'text/html');

        for my $other (sort keys %type) {
            $is->("/status/$other?format=$format", $format,
                  "the argument, not the directive: $format, $other");
        }
    }

    for my $accept (
        ['*/*', 'json'], ['', 'json'], ['image/png', 'json'],
        ['text/html', 'html'], ['TEXT/HTML', 'html'],
        ['text/plain', 'prometheus'], ['text/*', 'prometheus'],
        ['application/json', 'json'], ['application/*', 'json'],
        ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
         'html'],
        ['application/openmetrics-text;version=1.0.0;q=0.5,'
         . 'text/plain;version=0.0.4;q=0.3,*/*;q=0.2', 'prometheus'],
        ['text/plain;q=0.5, text/html;q=0.51', 'html'],
        ['text/plain; q=0.5 , text/html ; q=0.4', 'prometheus'],
        ['text/html;q=0.1, */*', 'json'], ['text/html;q=0', 'json'],
        ['application/json;q=0, */*;q=0.1', 'prometheus'],
        ['text/html;q=x, text/plain;q=0.1', 'prometheus'],
        ['text/html;level=1;q=0.9,text/plain;q=0.8', 'html'],
        [',,;,text/html', 'html'], [';q=', 'json'], ['/*', 'json'],
        ['text/html;q=1.000, application/json;q=0.999', 'html'])
    {
        $is->('/status', $accept->[1], "Accept: $accept->[0]",
              Accept => $accept->[0]);
    }

    my $wrong = problem(400, 'format must be json, prometheus or html',
                        'invalid_format');

    for my $format ('xml', '', 'JSON', 'jso', 'jsonp', 'json%00', '%6Ason') {
        my $answer = get("/status/html?format=$format");

        is("$answer->{status} $answer->{headers}{'content-type'}",
           '400 application/problem+json', "format=$format");
        is($answer->{body}, $wrong, "format=$format: body");
    }

    for my $method (qw(POST PUT DELETE PATCH OPTIONS)) {
        my $answer = $Client->request($method => '/status', '{}', @Secret);

        is("$answer->{status} $answer->{headers}{allow}", '405 GET, HEAD',
           "$method");
        is($answer->{body}, problem('method_not_allowed'), "$method: body");
    }

    is(get('/any/')->{status}, 200, 'satisfy any');
    is(get('/none/')->{status}, 403, 'deny all');
    is(get('/none/?format=xml')->{status}, 403, 'deny all comes first');
    is(get('/own/?format=xml')->{body}, "status invalid_format\n",
       'error_page');
    is(get('/outer/status')->{status}, 200, 'inside of a webhook location');
    is(get('/status/json')->{body} =~ /"api":("[^"]*"|null)/ && $1,
       '"/hooks"', 'api=');

    # with a body that nobody wants
    my $answer = $Client->request(GET => '/status', 'x' x 100000);
    is($answer->{status}, 200, 'GET with a body');

    # who looks is not counted
    counted_is('', 'nothing is counted');

    $nginx->expect(qr/access forbidden by rule/);
    $nginx->finish;
}


# --- what is counted, and as what -----------------------------------------

{
    my $upstream = NginxProcess::port(2);
    my $nginx = nginx('counted', http => <<'END', server => <<END);
    webhook_zone zone=hooks:32k;
    log_format judged '$uri "$webhook_judge_time"';
END
        access_log $Root/logs/judged.log judged;

        location = /pass {
            webhook munity unknown=pass;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location /own/ {
            webhook luzmo;
            error_page 401 = \@own;
            error_page 400 /page;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location \@own {
            return 418 "\$webhook_reason\\n";
        }
        location = /page {
            internal;
            return 200 "page\\n";
        }
        location /again/ {
            webhook luzmo;
            try_files /nothing \@again;
        }
        location \@again {
            webhook munity;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location /any/ {
            satisfy any;
            allow 127.0.0.1;
            deny all;
            webhook luzmo;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location /neither/ {
            satisfy any;
            deny all;
            webhook luzmo;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location /denied/ {
            deny all;
            webhook luzmo;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location /returned/ {
            webhook luzmo;
            return 200 "returned\\n";
        }
        location /off/ {
            webhook off;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location /mirrored/ {
            webhook luzmo;
            mirror /luzmo/data_updated;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location /down/ {
            webhook luzmo;
            proxy_pass http://127.0.0.1:1;
        }
        location /lenra/ {
            webhook lenra zone=hooks;
            webhook_app $App environment=1 token=t0ken;
            proxy_pass http://127.0.0.1:$upstream;
        }
        location = /signed {
            webhook signed;
            webhook_secret off;
            webhook_signature github hush;
            proxy_pass http://127.0.0.1:$upstream;
        }
END

    my $expected = '';
    my $then = sub {
        my ($lines, $name) = @_;
        my %number;

        for (split(/\n/, $expected), split(/\n/, $lines)) {
            my ($what, $n) = /^(.*) (\d+)$/ or die $_;
            $number{$what} += $n;
        }

        $expected = join "\n", map { "$_ $number{$_}" } sort keys %number;
        counted_is($expected, $name);
    };

    is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');
    is(post('/munity', $Munity, @Secret), 200, 'munity');
    $then->("luzmo data_updated accepted 1\nmunity webhook_test accepted 1",
            'accepted');

    is(post('/luzmo/nothing', $Luzmo, @Secret), 404, 'unknown path');
    is(post('/luzmo/data_updated', $Luzmo, @Json), 401, 'no secret');
    is(post('/luzmo/data_updated', $Luzmo, @Json, 'X-Secret' => 'x'), 401,
       'another secret');
    is(post('/luzmo/data_updated', $Luzmo, 'X-Secret' => 's3cr3t'), 415,
       'no type');
    is(post('/luzmo/data_updated', '', @Secret), 400, 'empty');
    is(post('/luzmo/data_updated', '{', @Secret), 400, 'no JSON');
    is(post('/luzmo/account_deleted', '{}', @Secret), 400, 'no members');
    is(get('/luzmo/data_updated')->{status}, 405, 'GET');
    $then->(<<'END', 'refused by Luzmo');
luzmo - unknown_event 1
luzmo data_updated missing_secret 1
luzmo data_updated invalid_secret 1
luzmo data_updated unsupported_media_type 1
luzmo data_updated empty_body 1
luzmo data_updated invalid_json 1
luzmo account_deleted missing_field 1
luzmo data_updated method_not_allowed 1
END

    my $unknown = $Munity =~ s/webhook_test/never_heard/r;

    is(post('/munity', $unknown, @Secret), 400, 'unknown event');
    is(post('/munity', $Munity =~ s/true/1/r, @Secret), 400, 'invalid');
    is(post('/pass', $unknown, @Secret), 200, 'unknown=pass');
    is(post('/munity', '{}', @Secret), 400, 'no event');
    $then->(<<'END', "Munity's events");
munity - unknown_event 1
munity webhook_test invalid_field 1
munity - accepted 1
munity - missing_field 1
END

    is(post('/own/data_updated', $Luzmo, @Json), 418, 'error_page, named');
    is(post('/own/data_updated', '{}', @Secret), 400, 'error_page, internal');
    $then->("luzmo data_updated missing_secret 1\n"
            . 'luzmo data_updated missing_field 1', 'with error_page');

    is(post('/again/account_deleted', $Luzmo, @Secret), 400, 'redirected');
    $then->('munity - missing_field 1', 'judged anew, counted once');

    is(post('/any/data_updated', $Luzmo, @Json), 200, 'satisfy any');
    is(post('/neither/data_updated', $Luzmo, @Json), 401, 'satisfied by none');
    $then->("luzmo data_updated accepted 1\n"
            . 'luzmo data_updated missing_secret 1', 'under satisfy any');

    is(post('/denied/data_updated', $Luzmo, @Secret), 403, 'deny');
    is(post('/returned/data_updated', $Luzmo, @Secret), 200, 'return');
    is(post('/off/data_updated', $Luzmo, @Secret), 200, 'off');
    $then->('', 'what is not judged is not counted');

    is(post('/mirrored/data_available', $Luzmo, @Secret), 200, 'mirror');
    $then->('luzmo data_available accepted 1', 'subrequests are not counted');

    is(post('/down/data_updated', $Luzmo, @Secret), 502, 'upstream is down');
    $then->('luzmo data_updated accepted 1', 'accepted, whatever comes then');

    is(post('/munity', ' ' x 2000, @Secret), 413, '413 by length');
    $then->('munity - too_large 1', '413 by length');

    my $raw = sub {
        my ($text, $close) = @_;
        my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                           PeerPort => NginxProcess::port(0))
            or die "connect: $!";
        my $answer = '';

        print $socket $text;
        $socket->flush;
        shutdown $socket, 1 if $close;

        local $SIG{ALRM} = sub { die "no answer\n" };
        alarm 20;
        while (sysread $socket, my $some, 4096) { $answer .= $some }
        alarm 0;

        return $answer =~ m{^HTTP/1.1 (\d+)} ? $1 : 'nothing';
    };

    my $head = "POST /munity HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
               . "X-Secret: s3cr3t\r\nContent-Type: application/json\r\n";

    is($raw->("${head}Transfer-Encoding: chunked\r\n\r\n800\r\n"
              . ' ' x 2048 . "\r\n0\r\n\r\n"), 413, '413 by chunks');
    $then->('munity - too_large 1', '413 by chunks');

    is($raw->("${head}Content-Length: 100\r\n\r\n{", 1), 'nothing',
       'the client goes away');
    $then->('munity - aborted 1', 'the client goes away');

    is($raw->("${head}Content-Length: 100\r\n\r\n{"), 'nothing', 'a timeout');
    $then->('munity - aborted 1', 'a timeout');

    is($raw->("${head}Transfer-Encoding: chunked\r\n\r\nxyz\r\n"), 400,
       'no chunks');
    $then->('munity - aborted 1', 'no chunks');

    my $sum = 'f' x 64;

    is(post('/signed', 'x', 'X-Hub-Signature-256' => "sha256=$sum"), 401,
       'a signature');
    $then->('signed - invalid_signature 1', 'a signature');

    # registrations

    is(post('/lenra/app/webhooks', '{"action":""}', @Token), 400, 'blank');
    is(post('/lenra/app/webhooks', '{}'), 401, 'no token');
    is(post("/lenra/apps/$App/webhooks/$App", '{}', @Json), 404, 'unknown');
    $then->("lenra - invalid_action 1\nlenra - unauthenticated 1\n"
            . 'lenra - not_found 1', 'refused by Lenra');

    my @uuid;

    for (1 .. 3) {
        my $answer = $Client->request(POST => '/lenra/app/webhooks',
                                      '{"action":"a"}', @Token);
        push @uuid, $answer->{body} =~ /"uuid":"([^"]+)"/;
    }

    is(post("/lenra/apps/$App/webhooks/$uuid[0]", '{}', @Json), 200,
       'trigger') for 1, 2;
    is($Client->request(DELETE => "/lenra/app/webhooks/$uuid[1]", undef,
                        @Token)->{status}, 204, 'delete');
    $then->('lenra - accepted 6', 'accepted by Lenra');

    is_deeply(status()->{zones},
              [{zone => 'hooks',
                total => {creates => 3, deletes => 1, triggers => 2},
                now => {registrations => 2, store_used_bytes => undef,
                        store_limit_bytes => undef}}],
              'registrations');

    my $action = '"' . 'a' x 4000 . '"';
    my ($created, $code) = (0);

    while (($code = post('/lenra/app/webhooks', qq({"action":$action}),
                         @Token)) == 200)
    {
        $created++;
    }

    is($code, 503, 'the zone is full');
    $then->("lenra - accepted $created\nlenra - zone_full 1",
            'what was accepted and then failed is refused');
    is(status()->{zones}[0]{total}{creates}, 3 + $created, 'creates');
    is(status()->{zones}[0]{now}{registrations}, 2 + $created,
       'registrations of a full zone');

    # all of the above in the other format

    my $text = get('/status/prometheus')->{body};
    my @lines;

    while ($text =~ /^nginx_webhook_(accepted|refused)_total
                     \{provider="(\w+)",event="(\w*)"(?:,reason="(\w+)")?\}
                     \ (\d+)$/mgx)
    {
        push @lines, join ' ', $2, $3 eq '' ? '-' : $3, $4 // 'accepted', $5
            if $5;
    }

    is(join("\n", sort @lines), $expected, 'the same for Prometheus');

    is(join("\n", grep { /zone="hooks"/ } split /\n/, $text), join("\n",
       "nginx_webhook_creates_total{zone=\"hooks\"} " . (3 + $created),
       'nginx_webhook_deletes_total{zone="hooks"} 1',
       'nginx_webhook_triggers_total{zone="hooks"} 2',
       'nginx_webhook_registrations{zone="hooks"} ' . (2 + $created),
       'nginx_webhook_zone_bytes{zone="hooks"} 32768',
       'nginx_webhook_zone_used_bytes{zone="hooks"} 32768'),
       'registrations for Prometheus');

    # the histogram has each judged request once

    my ($luzmo) = grep { $_->{provider} eq 'luzmo' }
                       @{status()->{providers}};
    my $judged = 0;

    $judged += /^luzmo .* (\d+)$/ ? $1 : 0 for split /\n/, $expected;

    is($luzmo->{judge_seconds}{count}, $judged, 'judging times');
    is($luzmo->{judge_seconds}{buckets}[-1][1], $judged, 'the last bucket');
    cmp_ok($luzmo->{judge_seconds}{sum}, '>', $judged * 1e-7, 'their sum');
    cmp_ok($luzmo->{judge_seconds}{sum}, '<', 1, 'is not that of waiting');

    my $last = 0;
    my $grows = 1;

    for (@{$luzmo->{judge_seconds}{buckets}}) {
        $grows = 0 if $_->[1] < $last;
        $last = $_->[1];
    }

    ok($grows, 'buckets are cumulative');

    promtool($text, 'all that there is');

    my $log = NginxProcess::read_file("$Root/logs/judged.log");

    like($log, qr{^/luzmo/data_updated "0\.00\d{7}"$}m, '$webhook_judge_time');
    like($log, qr{^/off/data_updated "-"$}m,
         '$webhook_judge_time where nothing is judged');

    $nginx->expect(qr/access forbidden by rule/, qr/connect\(\) failed/,
                   qr/client intended to send too large/,
                   qr/client sent invalid chunked body/);
    $nginx->finish;
}

# promtool is in Debian's package "prometheus".
sub promtool {
    my ($text, $name) = @_;
    my ($tool) = grep { -x } map { "$_/promtool" }
                 split(/:/, $ENV{PATH}), "$Top/build/prometheus/usr/bin";

  SKIP: {
        skip 'there is no promtool', 1 if !$tool;

        NginxProcess::write_file("$Root/metrics", $text);
        is(`'$tool' check metrics <'$Root/metrics' 2>&1`, '',
           "promtool: $name");
    }
}


# --- the clock without a zone ---------------------------------------------

{
    my $nginx = nginx('clock', zone => '', http => <<END, server => <<END);
    log_format judged '\$uri "\$webhook_judge_time"';
END
        access_log $Root/logs/clock.log judged;
END

    is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');

    # what is waited for is not counted

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => NginxProcess::port(0));
    print $socket "POST /munity HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                  . "X-Secret: s3cr3t\r\nContent-Type: application/json\r\n"
                  . 'Content-Length: ' . length($Munity) . "\r\n\r\n";
    $socket->flush;

    for (split //, substr($Munity, 0, 3)) {
        sleep 0.2;
        print $socket $_;
        $socket->flush;
    }

    print $socket substr($Munity, 3);
    $socket->flush;
    like(join('', <$socket>), qr/^HTTP\/1.1 200 /, 'munity, slowly');

    my $log;
    wait_until(sub {
        $log = NginxProcess::read_file("$Root/logs/clock.log");
        $log =~ /munity/;
    });

    my ($at_once, $waiting) = $NginxProcess::Slowness > 1
                              ? (qr/[0-3]\d/, qr/[0-3]\d/)
                              : (qr/00/, qr/0[0-4]/);

    like($log, qr{^/luzmo/data_updated "0\.$at_once\d{7}"$}m,
         'without a status zone');
    like($log, qr{^/munity "0\.$waiting\d{7}"$}m,
         'a body that is waited for');
    unlike($log, qr{"0\.000000000"}, 'never nothing');

    $nginx->finish;
}


# --- the last refused events ----------------------------------------------

sub refused {
    return [map {
        my $e = $_;
        join ' ', map { $e->{$_} // '-' }
                      qw(provider event reason field client bytes);
    } @{status()->{refused}}];
}

sub refused_is {
    my ($expected, $name) = @_;

    wait_until(sub { "@{refused()}" eq "@$expected" }, 5);
    is_deeply(refused(), $expected, $name);
}

{
    my $nginx = nginx('refused', zone => 'zone=status:64k refused=4',
                      server => <<'END');
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real-IP;
END
    my $now = time;

    is(post('/luzmo/data_updated', $Luzmo, @Json), 401, 'no secret');
    my $length = length $Luzmo;
    refused_is(["luzmo data_updated missing_secret - 127.0.0.1 $length"],
               'one');

    my $time = status()->{refused}[0]{time};
    cmp_ok(abs($time - $now), '<', 5, 'its time');
    like(get('/status')->{body}, qr/"time":\d{10}\.\d{3},"provider"/,
         'in milliseconds');

    my $hostile = '</script><script>alert(1)</script>';
    my $body = $Luzmo =~ s/"acme"/"$hostile"/r;

    is(post('/luzmo/data_updated', $body, @Secret, 'X-Real-IP' => '192.0.2.7'),
       400, 'hostile');
    is(post('/munity', $Munity =~ s/webhook_test/$hostile/r, @Secret,
            'X-Real-IP' => '2001:db8::1'), 400, 'a hostile event');
    is(post('/luzmo/' . '%3Cscript%3E', $Luzmo, @Secret), 404,
       'a hostile path');

    refused_is(["luzmo - unknown_event - 127.0.0.1 $length",
                'munity - unknown_event event 2001:db8::1 '
                . length($Munity =~ s/webhook_test/$hostile/r),
                'luzmo data_updated invalid_field slug 192.0.2.7 '
                . length $body,
                "luzmo data_updated missing_secret - 127.0.0.1 $length"],
               'the newest first, and nothing of a payload');

    for my $format (qw(json prometheus)) {
        unlike(get("/status?format=$format")->{body}, qr/script|acme|s3cr3t/,
               "$format: no payload and no secret");
    }

    # more than there is room for

    my $field = $Munity =~ s/"test":true/"id":1/r
                        =~ s/webhook_test/integration_import_done/r;

    is(post('/munity', $field, @Secret), 400, 'a nested field') for 1 .. 3;

    my $nested = 'munity integration_import_done missing_field '
                 . 'payload.connector_type 127.0.0.1 ' . length $field;

    refused_is([$nested, $nested, $nested,
                "luzmo - unknown_event - 127.0.0.1 $length"],
               'the oldest are forgotten');

    # other addresses

    my $ask = sub {
        my $socket = shift or die "connect: $!";

        print $socket "POST /munity HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}";
        $socket->flush;

        my $answer = join '', <$socket>;

        # nginx lingers, and logs the request when it does no longer
        close $socket;

        return $answer;
    };

    like($ask->(IO::Socket::UNIX->new("$Root/socket")),
         qr/^HTTP\/1.1 401 /, 'over a unix socket');
    refused_is(['munity - missing_secret - unix: 2', $nested, $nested,
                $nested], 'the address of a unix socket');

  SKIP: {
        my $socket = IO::Socket::IP->new(PeerAddr => '::1',
                                         PeerPort => NginxProcess::port(1));

        skip 'there is no IPv6', 2 if !$socket;

        like($ask->($socket), qr/^HTTP\/1.1 401 /, 'over IPv6');
        refused_is(['munity - missing_secret - ::1 2',
                    'munity - missing_secret - unix: 2', $nested, $nested],
                   'an address of IPv6');
    }

    # over a reload, and with a ring of another size

    my $before = refused();

    reload($nginx, 'reload');
    refused_is($before, 'kept over a reload');

    config($nginx, zone => 'zone=status:64k refused=2');
    reload($nginx, 'reload with two entries');
    refused_is([], 'another size begins anew');
    is(post('/munity', $field, @Secret), 400, 'refused') for 1 .. 3;
    refused_is([$nested, $nested], 'and is as long as it says');

    config($nginx, zone => 'zone=status:64k refused=0');
    reload($nginx, 'reload with none');
    is(post('/munity', $field, @Secret), 400, 'refused');
    refused_is([], 'none are kept');
    counted_is(<<'END', 'but counted');
luzmo - unknown_event 1
luzmo data_updated invalid_field 1
luzmo data_updated missing_secret 1
munity - missing_secret 2
munity - unknown_event 1
munity integration_import_done missing_field 7
END

    $nginx->finish;
}


# --- reloads, and processes that die --------------------------------------

{
    my $zones = sub { join "\n", map { "webhook_zone zone=$_:64k;" } @_ };
    my $server = sub {
        join "\n", map { "location /$_/ { webhook lenra zone=$_; webhook_app "
                         . "$App environment=1 token=t0ken; }" } @_;
    };
    my $with = sub { (http => $zones->(@_), server => $server->(@_)) };
    my $zone = sub {
        return join ' ', map { "$_->{zone}:$_->{total}{creates}" }
                             @{status()->{zones}};
    };

    my $nginx = nginx('reload', $with->('one', 'two'));

    is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');
    is(post('/one/app/webhooks', '{"action":"a"}', @Token), 200, 'one');
    is(post('/two/app/webhooks', '{"action":"a"}', @Token), 200, 'two')
        for 1, 2;
    counted_is("luzmo data_updated accepted 1\nlenra - accepted 3", 'counted');
    is($zone->(), 'one:1 two:2', 'by zone');

    config($nginx, $with->('two'));
    reload($nginx, 'reload with one zone less');
    counted_is("luzmo data_updated accepted 1\nlenra - accepted 3", 'kept');
    is($zone->(), 'two:2', 'one zone less');

    config($nginx, $with->('three', 'two', 'one'));
    reload($nginx, 'reload with the zone, and another one');
    is($zone->(), 'three:0 two:2 one:1', 'counters keep to their names');

    my $since = status()->{since};

    is(post('/luzmo/data_updated', $Luzmo, @Secret), 200, 'luzmo');
    ok($nginx->replace($nginx->workers), 'workers are killed');
    $Client->close;
    counted_is("luzmo data_updated accepted 2\nlenra - accepted 3",
               'kept when all workers are killed');
    is(status()->{since}, $since, 'since the same time');

    config($nginx, $with->('one'), zone => 'zone=status:128k');
    reload($nginx, 'reload with another size');
    counted_is('', 'another size begins anew');
    is($zone->(), 'one:0', 'for zones as well');

    # without locations that use a system: it is shown if it was used

    is(post('/one/app/webhooks', '{"action":"a"}', @Token), 200, 'one');
    counted_is('lenra - accepted 1', 'counted');
    config($nginx, zone => 'zone=status:128k');
    reload($nginx, 'reload without Lenra');
    counted_is('lenra - accepted 1', 'what there was is shown');

    $nginx->finish;
}

# All workers count at once, are killed and reloaded, and somebody looks.
{
    my $nginx = nginx('load', workers => 4, zone => 'zone=status:64k');

    my $load = NginxProcess::load(4, sub {
        my ($n, $client) = @_;
        my $answer = $client->request(POST => '/luzmo/data_updated',
                                      $n % 2 ? $Luzmo : '{}', @Secret);
        return $answer ? $answer->{status} : 'nothing';
    });

    sleep 1.5;
    wait_until(sub { @{status()->{refused}} == 256 });

    my %answered;
    $answered{$_->[0]}++ for map { @$_ } $load->stop;

    # Where the test has gone before the answer, it is counted all the same.
    ok(!$answered{nothing}, 'all were answered');

    my $number = sub {
        my %number = map { /(\S+) (\d+)$/ } split /\n/, counted();
        return @number{qw(accepted missing_field)};
    };

    wait_until(sub { ($number->())[0] >= $answered{200} }, 5);

    my ($accepted, $refused) = $number->();

    cmp_ok($accepted - $answered{200}, '<=', 2, 'accepted: each one');
    cmp_ok($accepted - $answered{200}, '>=', 0, 'accepted: none twice');
    cmp_ok($refused - $answered{400}, '<=', 2, 'refused: each one');
    cmp_ok($refused - $answered{400}, '>=', 0, 'refused: none twice');
    is(scalar @{status()->{refused}}, 256, 'the ring is full');

    # now with trouble

    $load = NginxProcess::load(3, sub {
        my ($n, $client) = @_;
        my $answer = $client->request(POST => '/luzmo/data_updated', '{}',
                                      @Secret);
        return $answer ? $answer->{status} : 'nothing';
    });

    my ($seen, $bad, $last) = (0, 0, 0);
    my $end = time + 4;
    my $k = 0;

    while (time < $end) {
        for my $format (qw(json prometheus)) {
            my $answer = get("/status?format=$format") or next;

            $seen++;
            $bad++ if $answer->{status} != 200;

            if ($format eq 'json') {
                my $n = counted(JSON::PP::decode_json($answer->{body}))
                        =~ /missing_field (\d+)/ && $1;
                $bad++ if $n < $last;
                $last = $n;
            }
        }

        if (++$k % 10 == 0) {
            $k % 20 ? $nginx->replace(($nginx->workers)[0])
                    : $nginx->reload(keep => 1);
        }
    }

    $load->stop;

    cmp_ok($seen, '>', 4, 'looked at');
    is($bad, 0, 'never less than before');

    $nginx->finish;
}


# --- names that need escaping ---------------------------------------------

{
    my $nginx = nginx('names', http => <<'END');
    webhook_zone "zone=a\\b\"c:64k";
    webhook_zone "zone=<script>:64k";
END

    is_deeply([map { $_->{zone} } @{status()->{zones}}],
              ['a\\b"c', '<script>'], 'in JSON');

    my $text = get('/status/prometheus')->{body};

    is(join("\n", grep { /^nginx_webhook_creates/ } split /\n/, $text),
       'nginx_webhook_creates_total{zone="a\\\\b\\"c"} 0' . "\n"
       . 'nginx_webhook_creates_total{zone="<script>"} 0', 'for Prometheus');

    promtool($text, 'names');

    $nginx->finish;
}

# with a state
{
    my $nginx = nginx('state', http =>
                      "webhook_zone zone=hooks:1m state=$Root/hooks.db "
                      . "state_size=1m;\n",
                      server => "location /lenra/ { webhook lenra zone=hooks;\n"
                                . "webhook_app $App environment=1 token=t0ken;"
                                . "}\n");

    my $used = status()->{zones}[0]{now}{store_used_bytes};

    is(post('/lenra/app/webhooks', '{"action":"' . 'a' x 5000 . '"}', @Token),
       200, 'create');

    my $now = status()->{zones}[0]{now};

    is($now->{store_limit_bytes}, 1048576, 'the limit of a state');
    cmp_ok($now->{store_used_bytes}, '>=', $used + 5000, 'what it uses');
    is(status()->{zones}[0]{total}{creates}, 1, 'creates, with a state');

    my ($uuid) = get('/lenra/app/webhooks', @Token)->{body}
                 =~ /"uuid":"([^"]+)"/;
    is($Client->request(DELETE => "/lenra/app/webhooks/$uuid", undef,
                        @Token)->{status}, 204, 'delete');
    is(status()->{zones}[0]{total}{deletes}, 1, 'deletes, with a state');
    is(status()->{zones}[0]{now}{registrations}, 0, 'none is left');

    promtool(get('/status/prometheus')->{body}, 'with a state');

    $nginx->finish;
}


# --- queues ---------------------------------------------------------------

{
    my $to = NginxProcess::port(3);
    my $dead = qr/webhook queue "out": event \S+ is dead after attempt/;

    # It is well once there is a file.
    my %with = (http => <<END, server => <<'END');
    webhook_queue_path $Root/queue.db queue=out max_size=1m;

    server {
        listen 127.0.0.1:$to;

        location / {
            if (-f $Root/well) {
                return 200;
            }
            return 500;
        }
    }
END
        location = /queued {
            webhook munity;
            webhook_queue out;
        }
        location @deliver {
            webhook_deliver out;
            webhook_retry 50ms;
            proxy_pass http://127.0.0.1:TO;
        }
END
    $with{server} =~ s/TO/$to/;

    unlink "$Root/well";

    my $nginx = nginx('queue', %with);
    my $queue = sub { status()->{queues}[0] };

    $nginx->expect($dead);

    my $new = $queue->();

    is_deeply([$new->{queue}, $new->{total}, @{$new->{now}}{qw(waiting dead
                                                            oldest_seconds)}],
              ['out', {queued => 0, delivered => 0, retried => 0, dead => 0},
               0, 0, 0], 'an empty queue');

    is(post('/queued', $Munity, @Secret), 202, 'an event for who is not well');
    ok(wait_until(sub { $queue->()->{now}{dead} == 1 }), 'it dies');

    NginxProcess::write_file("$Root/well", '');
    is(post('/queued', $Munity, @Secret), 202, 'one for who is well');
    ok(wait_until(sub { $queue->()->{total}{delivered} == 1
                        && $queue->()->{now}{waiting} == 0 }),
       'it is delivered');

    my $seen = $queue->();

    is_deeply($seen->{total},
              {queued => 2, delivered => 1, retried => 1, dead => 1},
              'counters of a queue');
    is_deeply([@{$seen->{now}}{qw(waiting dead oldest_seconds)}], [0, 1, 0],
              'its gauges');
    cmp_ok($seen->{now}{bytes}, '>', 0, 'its size');
    is($seen->{now}{max_bytes}, 1048576, 'and what that may be');
    is($seen->{delivery_seconds}{count}, 3, 'each attempt took its time');
    is($seen->{delivery_seconds}{buckets}[-1][1], 3, 'in the last bucket');
    counted_is('munity webhook_test accepted 2', 'queued is accepted');

    my $text = get('/status/prometheus')->{body};

    is(join("\n", grep { /queue="out"/ && !/seconds_|_bytes/ }
                       split /\n/, $text), join("\n",
       'nginx_webhook_queued_total{queue="out"} 2',
       'nginx_webhook_delivered_total{queue="out"} 1',
       'nginx_webhook_retried_total{queue="out"} 1',
       'nginx_webhook_dead_total{queue="out"} 1',
       'nginx_webhook_queue_events{queue="out",state="waiting"} 0',
       'nginx_webhook_queue_events{queue="out",state="dead"} 1',
       'nginx_webhook_queue_oldest_seconds{queue="out"} 0'),
       'a queue for Prometheus');
    like($text, qr/^nginx_webhook_delivery_seconds_count\{queue="out"\} 3$/m,
         'delivery times for Prometheus');
    promtool($text, 'a queue');

    # without anybody who delivers, the oldest gets older

    $with{server} =~ s/location \@deliver \{.*//s;
    config($nginx, %with);
    $nginx->expect(qr/webhook queue "out" (?:is|has)/, qr/nobody delivers/);
    reload($nginx, 'reload without a destination');
    is_deeply($queue->()->{total}, $seen->{total}, 'kept over a reload');
    is(post('/queued', $Munity, @Secret), 202, 'an event that waits');
    is($queue->()->{now}{waiting}, 1, 'it waits');
    ok(wait_until(sub { $queue->()->{now}{oldest_seconds} >= 1 }),
       'and gets older');

    $nginx->finish;
}


# --- the list of reasons --------------------------------------------------

# A reason that the table in the source does not have would be counted as
# "other".  What webhook_endpoints refuses is no event, and is not counted.
{
    my %uncounted = map { $_ => 1 } qw(invalid_url unknown_host
                                       forbidden_address endpoint_disabled
                                       resolver_failed no_queue);

    my $table = NginxProcess::read_file(
                "$Top/ngx_http_webhook_module/status/ngx_http_webhook_status_table.c");

    my $page = NginxProcess::read_file("$Top/docs/verdicts.md");
    my @reasons = map { /`(\w+)`/g }
                  $page =~ /^\| \d{3} \| ([^|]+) \|/mg;

    cmp_ok(scalar @reasons, '>=', 25, 'reasons in docs/verdicts.md');

    for my $reason (grep { !$uncounted{$_} } @reasons) {
        ok(index($table, "ngx_string(\"$reason\")") >= 0,
           "$reason is counted");
    }
}


# --- the list of metrics --------------------------------------------------

{
    my ($page) = NginxProcess::read_file("$Top/docs/status.md")
                 =~ /^## Metrics\n(.*?)^## /ms;
    my %documented = map { $_ => 1 } $page =~ /`(nginx_webhook_\w+)`/g;
    my %there;

    for my $file (glob "$Top/ngx_http_webhook_module/"
                       . '*/ngx_http_webhook_status*.c')
    {
        $there{$_} = 1 for NginxProcess::read_file($file)
                           =~ /ngx_string\("(nginx_webhook_\w+)"\)/g;
    }

    is(join("\n", sort keys %documented), join("\n", sort keys %there),
       'docs/status.md names each metric');

    my @examples = NginxProcess::read_file("$Top/docs/status.md")
                   =~ /^```json\n(.*?)^```/msg;

    ok(JSON::PP::decode_json($_), 'an example is JSON') for @examples;
}

done_testing();
