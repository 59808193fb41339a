use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use StatusTest;
use Test::More;

use IO::Socket::INET ();
use IO::Socket::IP ();
use IO::Socket::UNIX ();
use Time::HiRes qw(sleep time);

# What webhook_status counts: each request once, whatever becomes of it.

*wait_until = \&NginxProcess::wait_until;

my $Root = $NginxProcess::Root;


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
            webhook_secret off;
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


# --- what is counted once, and the memory of each zone --------------------

{
    my $to = NginxProcess::port(2);
    my $nginx = nginx('once', http => <<END, server => <<END);
    webhook_zone zone=hooks:64k;
    webhook_zone zone=ours:64k;
    webhook_zone zone=kept:64k state=$Root/kept.db;
    webhook_dedup_zone zone=seen:64k;
END
        location /lenra/ {
            webhook lenra zone=hooks;
            webhook_secret off;
            webhook_app $App environment=1 token=t0ken;
            webhook_dedup \$http_webhook_id zone=seen;
            proxy_pass http://127.0.0.1:$to;
        }
        location /ours/ {
            webhook_endpoints zone=ours ports=1-65535;
        }
        location /kept/ {
            webhook_endpoints zone=kept ports=1-65535;
        }
END

    my $zone = sub {
        my ($name) = @_;
        my ($zone) = grep { $_->{zone} eq $name } @{status()->{zones}};

        return $zone->{total};
    };
    my $memory = sub {
        my ($zone) = grep { $_->{zone} eq 'seen' } @{status()->{memory}};

        return $zone;
    };

    is(join(' ', map { $_->{zone} } @{status()->{memory}}),
       'status hooks ours kept seen', 'the memory of each zone');
    is($memory->()->{bytes}, 65536, 'the size of a dedup zone');

    my $before = $memory->()->{used_bytes};

    cmp_ok($before, '>', 0, 'what it uses without a key');
    cmp_ok($before, '<', 16384, 'is not all of it');

    my ($uuid) = $Client->request(POST => '/lenra/app/webhooks',
                                  '{"action":"a"}', @Token)->{body}
                 =~ /"uuid":"([^"]+)"/;
    my $trigger = sub {
        my ($id) = @_;

        return $Client->request(POST => "/lenra/apps/$App/webhooks/$uuid",
                                '{}', @Json, 'webhook-id' => $id)->{body};
    };

    is($trigger->('one'), "taken\n", 'a trigger');
    is($trigger->('one'), qq({"id":"one"}\n), 'its duplicate') for 1, 2;
    is($trigger->('two'), "taken\n", 'another one');
    is($zone->('hooks')->{triggers}, 2, 'duplicates are no triggers');
    is(status()->{dedup}[0]{total}{duplicates}, 2, 'but duplicates');
    is($memory->()->{used_bytes} - $before, 2 * 92, 'what two keys take');
    like(get('/status/prometheus')->{body},
         qr/^nginx_webhook_zone_bytes\{zone="seen"\} 65536$/m,
         'the dedup zone for Prometheus');

    for my $name (qw(ours kept)) {
        my $put = sub {
            my ($body) = @_;

            return $Client->request(PUT => "/$name/workspaces/w/webhook",
                                    $body, @Secret)->{status};
        };
        my $url = '"url":"https://8.8.8.8/"';

        is($put->("{$url}"), 201, "$name: an endpoint");
        is($put->("{$url,\"enabled\":false}"), 200, "$name: switched off");
        is($put->("{$url,\"enabled\":true}"), 200, "$name: switched on");
        is($put->('{"url":"https://8.8.4.4/"}'), 200, "$name: moved");
        is_deeply($zone->($name), {creates => 1, deletes => 0, triggers => 0},
                  "$name: a change creates nothing");

        is($Client->request(DELETE => "/$name/workspaces/w/webhook", undef,
                            @Secret)->{status}, 204, "$name: deleted");
        is($put->("{$url}"), 201, "$name: and created anew");
        is_deeply($zone->($name), {creates => 2, deletes => 1, triggers => 0},
                  "$name: which is counted");
    }

    $nginx->finish;
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
                              : (qr/0\d/, qr/0\d/);

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
                      http => 'webhook_zone zone=hooks:64k;',
                      server => <<END);
        set_real_ip_from 127.0.0.1;
        real_ip_header X-Real-IP;
        location /lenra/ {
            webhook lenra zone=hooks;
            webhook_secret off;
            webhook_app $App environment=1 token=t0ken;
            proxy_pass http://127.0.0.1:1;
        }
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

    is(get('/lenra/app/webhooks?hostile=1', @Token)->{status}, 400,
       'a hostile parameter');
    wait_until(sub { refused()->[0] =~ /unknown_parameter/ }, 5);
    is(refused()->[0], 'lenra - unknown_parameter - 127.0.0.1 0',
       'is not named either');

    # more than there is room for

    my $field = $Munity =~ s/"test":true/"id":1/r
                        =~ s/webhook_test/integration_import_done/r;

    is(post('/munity', $field, @Secret), 400, 'a nested field') for 1 .. 3;

    my $nested = 'munity integration_import_done missing_field '
                 . 'payload.connector_type 127.0.0.1 ' . length $field;

    refused_is([$nested, $nested, $nested,
                'lenra - unknown_parameter - 127.0.0.1 0'],
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
lenra - unknown_parameter 1
luzmo - unknown_event 1
luzmo data_updated invalid_field 1
luzmo data_updated missing_secret 1
munity - missing_secret 2
munity - unknown_event 1
munity integration_import_done missing_field 7
END

    $nginx->finish;
}

done_testing();
