use strict;
use warnings;

use lib 't/lib';
use Answers qw(problem);
use NginxProcess;
use StatusTest;
use Test::More;

use JSON::PP ();
use Time::HiRes qw(time);

# What webhook_status says in each format, and what "nginx -t" says to
# webhook_status and webhook_status_zone.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;


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
                  qw(5e-07 1e-06 2e-06 5e-06 1e-05 2e-05 5e-05 0.0001 0.0002
                     0.0005 0.001 0.01 0.1 null);
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
        . qq(],\n "challenges":0,\n $judge,\n)
        . qq({"provider":"munity","events":[\n)
        . $events->('webhook_test', (map { "integration_$_" }
              qw(new_data_model updated_data_model deleted_data_model installed
                 import_done cannot_refresh_oauth_token oauth_token_fixed)),
              '')
        . qq(],\n "challenges":0,\n $judge],\n"zones":[],\n"queues":[],\n"dedup":[],\n)
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
       . "nginx_webhook_challenges_total counter\n"
       . "nginx_webhook_judge_seconds histogram\n"
       . "nginx_webhook_zone_bytes gauge\n"
       . 'nginx_webhook_zone_used_bytes gauge', 'prometheus: metrics');
    is(join(' ', @help), join(' ', map { s/ .*//r } @type),
       'prometheus: each has a help');
    is(join("\n", grep { /judge/ && /munity/ } @samples),
       join("\n", (map { "nginx_webhook_judge_seconds_bucket"
                         . qq({provider="munity",le="$_"} 0) }
            qw(5e-07 1e-06 2e-06 5e-06 1e-05 2e-05 5e-05 0.0001 0.0002 0.0005
               0.001 0.01 0.1 +Inf)),
            'nginx_webhook_judge_seconds_sum{provider="munity"} 0.000000000',
            'nginx_webhook_judge_seconds_count{provider="munity"} 0'),
       'prometheus: a histogram');
    is(join("\n", grep { /luzmo/ && /_total/ } @samples),
       join("\n", (map { 'nginx_webhook_accepted_total'
                         . qq({provider="luzmo",event="$_"} 0) }
            qw(data_available data_updated account_deleted), ''),
            'nginx_webhook_challenges_total{provider="luzmo"} 0'),
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
            webhook_secret off;
        }
        location /none/ {
            deny all;
            webhook_status zone=status;
            webhook_secret off;
        }
        location /own/ {
            error_page 400 = @own;
            webhook_status zone=status;
            webhook_secret off;
        }
        location @own {
            return 400 "$webhook_provider $webhook_reason\n";
        }
        location /outer/ {
            webhook luzmo;
            location = /outer/status {
                webhook_status zone=status;
                webhook_secret off;
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
        $is->("/status?&format=$format&", $format,
              "the argument alone: $format", Accept => 'text/html');
    }

    # where the directive says a format, that is the only one, but for what the
    # page asks for

    my $wrong = problem(400, 'format is not the one of this location',
                        'invalid_format');

    for my $format (sort keys %type) {
        $is->("/status/$format?format=$format", $format,
              "the directive and the argument: $format");

        for my $other (sort grep { $_ ne $format } keys %type) {
            my $name = "the directive: $format, the argument: $other";

            if ($format eq 'html' && $other eq 'json') {
                $is->("/status/html?format=json", 'json', $name);
                next;
            }

            my $answer = get("/status/$format?format=$other");

            is("$answer->{status} $answer->{headers}{'content-type'}",
               '400 application/problem+json', $name);
            is($answer->{body}, $wrong, "$name: body");
        }
    }

    for my $accept (
        ['*/*', 'json'], ['', 'json'], ['image/png', 'json'],
        ['text/html', 'html'], ['TEXT/HTML', 'html'],
        ['text/plain', 'prometheus'], ['application/json', 'json'],
        ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
         'html'],
        ['text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,'
         . 'image/webp,*/*;q=0.8', 'html'],
        ['application/openmetrics-text;version=1.0.0;q=0.5,'
         . 'text/plain;version=0.0.4;q=0.3,*/*;q=0.2', 'prometheus'],
        ['application/openmetrics-text;version=1.0.0;'
         . 'escaping=allow-utf-8;q=0.6,'
         . 'application/openmetrics-text;version=0.0.1;q=0.5,'
         . 'text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,'
         . 'text/plain;version=0.0.4;q=0.3,*/*;q=0.2', 'prometheus'],
        ['application/json, text/plain, */*', 'json'],
        ['text/html, application/json', 'json'],
        ['text/html, text/plain', 'prometheus'],
        [',,;,text/html', 'html'], [';q=', 'json'], ['/*', 'json'])
    {
        $is->('/status', $accept->[1], "Accept: $accept->[0]",
              Accept => $accept->[0]);
    }

    $wrong = problem(400, 'format must be json, prometheus or html',
                     'invalid_format');

    for my $format ('xml', '', 'JSON', 'jso', 'jsonp', 'json%00', '%6Ason') {
        my $answer = get("/status/html?format=$format");

        is("$answer->{status} $answer->{headers}{'content-type'}",
           '400 application/problem+json', "format=$format");
        is($answer->{body}, $wrong, "format=$format: body");
    }

    for my $args ('x=y&format=json', 'format=json&x', 'x=y') {
        is(get("/status?$args")->{body},
           problem(400, 'x is no parameter of this request, or has no value',
                   'unknown_parameter', field => 'x'), "?$args");
    }

    for my $args ('format=json&format=html', 'format=json&&format=json') {
        my $answer = get("/status?$args");

        is($answer->{status}, 400, "?$args: 400");
        is($answer->{body},
           problem(400, 'format is there more than once', 'unknown_parameter',
                   field => 'format'), "?$args");
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
                                . 'webhook_secret off; '
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
              ['out', {queued => 0, delivered => 0, retried => 0, dead => 0,
                       dead_forgotten => 0, endpoint_gone => 0,
                throttled => 0},
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
              {queued => 2, delivered => 1, retried => 1, dead => 1,
               dead_forgotten => 0, endpoint_gone => 0,
                throttled => 0},
              'counters of a queue');
    is_deeply([@{$seen->{now}}{qw(waiting dead oldest_seconds)}], [0, 1, 0],
              'its gauges');
    cmp_ok($seen->{now}{bytes}, '>', 0, 'its size');
    is($seen->{now}{max_bytes}, 1048576, 'and what that may be');
    cmp_ok($seen->{now}{file_bytes}, '>=', $seen->{now}{bytes}, 'in its file');
    is($seen->{now}{reader_lag}, 0, 'which nobody reads');
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
       'nginx_webhook_dead_forgotten_total{queue="out"} 0',
       'nginx_webhook_endpoint_gone_total{queue="out"} 0',
       'nginx_webhook_throttled_total{queue="out"} 0',
       'nginx_webhook_queue_events{queue="out",state="waiting"} 0',
       'nginx_webhook_queue_events{queue="out",state="dead"} 1',
       'nginx_webhook_queue_oldest_seconds{queue="out"} 0',
       'nginx_webhook_queue_reader_lag{queue="out"} 0',
       'nginx_webhook_queue_destinations{queue="out",state="healthy"} 0',
       'nginx_webhook_queue_destinations{queue="out",state="failing"} 0',
       'nginx_webhook_queue_heartbeat_seconds{queue="out"} 0'),
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

# All reasons that the source has are in docs/verdicts.md, and no others.
{
    my ($list) = NginxProcess::read_file(
                     "$Top/ngx_http_webhook_module/core/"
                     . 'ngx_http_webhook_verdict.h')
                 =~ /^#define NGX_HTTP_WEBHOOK_REASONS\(row\)(.*?)\n\n/ms;
    my %there = map { $_ => 1 } $list =~ /row\((\w+)\)/g;

    cmp_ok(scalar keys %there, '>=', 30, 'reasons in the source');

    my $page = NginxProcess::read_file("$Top/docs/verdicts.md");
    my %documented = map { $_ => 1 } map { /`(\w+)`/g }
                     $page =~ /^\| \d{3} \| ([^|]+) \|/mg;

    is(join("\n", sort keys %documented), join("\n", sort keys %there),
       'docs/verdicts.md names each reason');
}


# --- the list of metrics --------------------------------------------------

{
    my ($page) = NginxProcess::read_file("$Top/docs/status.md")
                 =~ /^## Metrics\n(.*?)^## /ms;
    my %documented = map { $_ => 1 } $page =~ /`(nginx_webhook_\w+)`/g;
    my %there;

    for my $file (glob "$Top/ngx_http_webhook_module/"
                       . '{status,views}/ngx_http_webhook_status*.[ch]')
    {
        $there{$_} = 1 for NginxProcess::read_file($file)
                           =~ /"(nginx_webhook_\w+)"/g;
    }

    cmp_ok(scalar keys %there, '>=', 20, 'metrics in the source');
    is(join("\n", sort keys %documented), join("\n", sort keys %there),
       'docs/status.md names each metric');

    my @examples = NginxProcess::read_file("$Top/docs/status.md")
                   =~ /^```json\n(.*?)^```/msg;

    ok(JSON::PP::decode_json($_), 'an example is JSON') for @examples;
}

done_testing();
