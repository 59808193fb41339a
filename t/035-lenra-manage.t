use lib 't/lib';
use WebhookTest 'no_plan';

# Lenra application webhooks: listed, shown and deleted; paths and methods; a
# zone that is full, and clients that go away.

use HTTPClient qw($Head answer dial put);
use LenraTest;
use Time::HiRes ();

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: methods
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my %allow = ('/lenra/app/webhooks' => 'GET, HEAD, POST',
                 "/lenra/app/webhooks/$uuid" => 'GET, HEAD, DELETE',
                 "/lenra/app/webhooks/$::Nobody" => 'GET, HEAD, DELETE',
                 "/lenra/apps/$::App/webhooks/$uuid" => 'POST');

    for my $uri (sort keys %allow) {
        for my $method (qw(GET HEAD POST PUT PATCH DELETE OPTIONS PROPFIND FOO))
        {
            next if $allow{$uri} =~ /\b$method\b/;

            for my $body (undef, '{"action":"a"}') {
                $is->(::call($method, $uri, $body, Authorization => undef),
                      $method eq 'HEAD' ? '405 ' : $::NoMethod,
                      "$method $allow{$uri}");
                $is->(::field('Allow'), $allow{$uri}, "$method, Allow");
            }
        }
    }

    for my $method (qw(GET PUT DELETE)) {
        $is->(::call($method, "/lenra/apps/$::App/webhooks/$::Nobody"),
              $::NotFound, "$method at what can't be triggered");
    }

    $is->(::get(''), '200 [' . ::webhook($uuid, '"a"') . "]\n",
          'nothing was changed');
    ::wipe();
}



=== TEST 2: refused before the body: no 100 Continue; accepted after one
--- config
    location /id/ {
        webhook lenra zone=z;
        webhook_identity app=$http_x_app environment=1;
    }
--- client eval
sub {
    my $is = shift;
    my $uri = '/lenra/app/webhooks';
    my @expect = (Expect => '100-continue', 'Content-Length' => 14,
                  'Content-Type' => 'application/json');

    my $socket = ::dial();
    ::put($socket, ::head('POST', $uri, @expect));
    $is->(::answer($socket), '100', '100');
    ::put($socket, '{"action":"a"}');
    my $answer = ::answer($socket);
    my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
    $is->($answer, ::shown($uuid, '"a"'), 'created');

    for ([$uri, $::Unauthenticated, Authorization => undef],
         [$uri, $::InvalidToken, ::bearer('no')],
         [$uri, $::Type, 'Content-Type' => 'a/b'],
         [$uri, $::Encoding, 'Content-Encoding' => 'gzip'],
         ['/lenra/app', $::NotFound],
         ["$uri/$uuid", $::NoMethod],
         ['/id/app/webhooks', $::Unauthenticated, 'Content-Type' => 'a/b'],
         ["/lenra/apps/$::App/webhooks/$::Nobody", $::NotFound],
         ["/lenra/apps/$::App/webhooks/$uuid", $::Type,
          'Content-Type' => 'a/b'])
    {
        my ($uri, $answer, @header) = @$_;

        $socket = ::dial();
        ::put($socket, ::head('POST', $uri, @expect, @header));
        $is->(::answer($socket), $answer, "$uri: refused");
    }

    ::wipe();
}



=== TEST 3: the order of the verdicts, and the connection after each
--- client eval
sub {
    my $is = shift;
    my @bad = ('Content-Type' => 'a/b', 'Content-Encoding' => 'gzip');
    my $uri = '/lenra/app/webhooks';

    $::Socket = ::dial();

    for ([$::NotFound, 'POST', "$uri/", '{', @bad, Authorization => undef],
         [$::NoMethod, 'PUT', $uri, '{', @bad, Authorization => undef],
         [$::Unauthenticated, 'POST', $uri, '{', @bad, Authorization => undef],
         [$::InvalidToken, 'POST', $uri, $::Large, @bad, ::bearer('x')],
         [$::Type, 'POST', $uri, '{', @bad],
         [$::Encoding, 'POST', $uri, '{', 'Content-Encoding' => 'gzip'],
         [::syntax(1), 'POST', $uri, '{'],
         [::twice('action'), 'POST', $uri, '{"action":1,"action":1}'],
         [$::Blank, 'POST', $uri, '{}'],
         [$::InvalidLimit, 'GET', "$uri?limit=0"],
         [$::NotFound, 'GET', "$uri/$::Nobody"],
         [$::NotFound, 'DELETE', "$uri/$::Nobody", $::Large])
    {
        my ($answer, @request) = @$_;
        my $socket = $::Socket;

        $is->(::call(@request), $answer, substr $answer, 0, 60);
        $is->($::Socket, $socket, 'the connection is kept');
        $is->(::get(''), "200 []\n", 'and good for the next request');
    }
}



=== TEST 4: list: in order of creation, the app's own
--- client eval
sub {
    my $is = shift;
    my (@own, @other);

    $is->(::get(''), "200 []\n", 'none');
    $is->(::field('Content-Type'), 'application/json', 'media type');
    $is->(::field('Content-Length'), '3', 'length');

    for my $n (1 .. 30) {
        my $token = ('alpha', 'of-a-user', 'upper', 'other')[$n % 4];
        my $uuid = ::made("{\"action\":\"$n\",\"props\":{\"n\":$n}}",
                          ::bearer($token));

        push @{ $token eq 'other' ? \@other : \@own },
             ::webhook($uuid, "\"$n\"", "{\"n\":$n}",
                       {alpha => 1, 'of-a-user' => 1, other => -7}->{$token}
                           // '9223372036854775807',
                       {'of-a-user' => 42, other => '-9223372036854775808'}
                           ->{$token});
    }

    my $list = CORE::join ',', @own;

    for ('alpha', 'beta-gamma', 'of-a-user', 'upper') {
        $is->(::get('', ::bearer($_)), "200 [$list]\n", "by $_");
    }

    $is->(::get('', ::bearer('other')),
          '200 [' . CORE::join(',', @other) . "]\n", "the other app's");

    # gaps
    for my $n (0, 5, -1) {
        my ($uuid) = splice(@own, $n, 1) =~ /($::V4)/;
        $is->(::remove($uuid), '204 ', 'deleted');
        $is->(::get(''), '200 [' . CORE::join(',', @own) . "]\n", 'without it');
    }

    my $uuid = ::made();
    $is->(::get(''), '200 [' . CORE::join(',', @own, ::webhook($uuid, '"a"'))
                     . "]\n", 'a new one is the last');
    ::wipe();
}



=== TEST 5: list: limit
--- client eval
sub {
    my $is = shift;
    my @all = map { ::webhook(::made(), '"a"') } 1 .. 120;
    my $list = sub { '200 [' . CORE::join(',', @all[0 .. $_[0] - 1]) . "]\n" };

    $is->(::get(''), $list->(100), 'default');
    $is->(::get('?'), $list->(100), 'no arguments');
    $is->(::get('?'), $list->(100), 'none');
    $is->(::get("?$_=3"), ::unknown($_), $_) for qw(offset xlimit Limit);

    for ([1, 1], [2, 2], [100, 100], [119, 119], [120, 120], [121, 120],
         [1000, 120], ['0007', 7])
    {
        $is->(::get("?limit=$_->[0]"), $list->($_->[1]), "limit=$_->[0]");
    }

    $is->(::get('?&limit=2&&'), $list->(2), 'alone');
    $is->(::get('?limit=2&c=d'), ::unknown('c'), 'among others');

    for (0, 1001, 'abc', -1, '', '1.5', '1e2', '+1', '%31', '1x', '000',
         '99999999999999999999999')
    {
        $is->(::get("?limit=$_"), $::InvalidLimit, "limit=$_");
        $is->(::get("?after=$::Nobody&limit=$_"), $::InvalidLimit,
              "limit=$_, and after");
    }

    ::wipe();
}



=== TEST 6: list: after
--- client eval
sub {
    my $is = shift;
    my @uuids = map { ::made() } 1 .. 10;
    my @all = map { ::webhook($_, '"a"') } @uuids;
    my $other = ::made(undef, ::bearer('other'));
    my $list = sub { '200 [' . CORE::join(',', @all[$_[0] .. $_[1]]) . "]\n" };

    $is->(::get("?after=$uuids[0]"), $list->(1, 9), 'the first');
    $is->(::get("?after=$uuids[8]"), $list->(9, 9), 'the last but one');
    $is->(::get("?after=$uuids[9]"), "200 []\n", 'the last');
    $is->(::get('?after=' . uc $uuids[4]), $list->(5, 9), 'upper case');
    $is->(::get("?limit=3&after=$uuids[4]"), $list->(5, 7), 'and limit');
    $is->(::get("?after=$uuids[7]&limit=3"), $list->(8, 9), 'limit at the end');

    my @got;

    while (::get('?limit=3' . (@got ? "&after=$got[-1]" : ''))
           =~ /^200 \[(.+)\]\n\z/)
    {
        push @got, $1 =~ /"uuid":"($::V4)"/g;
        last if @got > 10;
    }

    $is->("@got", "@uuids", 'page by page');

    $is->(::remove($uuids[4]), '204 ', 'deleted');

    for (['unknown', $::Nobody], ["another app's", $other],
         ['deleted', $uuids[4]], ['empty', ''], ['malformed', 'x'],
         ['cut short', $uuids[0] =~ s/.$//r], ['too long', "$uuids[0]0"],
         ['encoded', $uuids[0] =~ s/-/%2D/r], ['in braces', "{$uuids[0]}"])
    {
        $is->(::get("?after=$_->[1]"), $::InvalidAfter, $_->[0]);
    }

    $is->(::get("?after=$uuids[3]"), $list->(5, 9), 'before the deleted one');
    ::wipe();
}



=== TEST 7: list: large ones
--- client eval
sub {
    my $is = shift;
    my $props = '{"a":"' . 'x' x 50_000 . '"}';
    my @all = map { ::webhook(::made("{\"action\":\"a$_\",\"props\":$props}"),
                              "\"a$_\"", $props) } 1 .. 20;

    $is->(::get(''), '200 [' . CORE::join(',', @all) . "]\n", 'all of it');
    ::wipe();
}



=== TEST 8: get, HEAD, delete
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made('{"action":"b","props":{"c":[]},"user_id":3}');
    my $webhook = ::webhook($uuid, '"b"', '{"c":[]}', 1, 3);
    my $other = ::made(undef, ::bearer('other'));

    for ($uuid, uc $uuid) {
        $is->(::get("/$_"), "200 $webhook\n", "get $_");
        $is->(::field('Content-Type'), 'application/json', 'type');
        $is->(::field('Content-Length'), length("$webhook\n"), 'length');
        my $head = $::Head =~ s/\r\nDate: [^\r]+//r;

        $is->(::call('HEAD', "/lenra/app/webhooks/$_"), '200 ', "HEAD $_");
        $is->($::Head =~ s/\r\nDate: [^\r]+//r, $head, 'the same head');
        $is->(::get("/$_?limit=0&after=x"), "200 $webhook\n",
              'arguments do not matter');
    }

    $is->(::get("/$uuid", ::bearer('upper')), "200 $webhook\n",
          'by another token of the app');

    $is->(::call('HEAD', '/lenra/app/webhooks'), '200 ', 'HEAD of the list');
    $is->(::field('Content-Length'), length("[$webhook]\n"), 'its length');
    $is->(::call('HEAD', "/lenra/app/webhooks/$::Nobody"), '404 ',
          'HEAD of what there is not');
    $is->(::field('Content-Length'), length($::NotFound) - 4, 'its length');
    $is->(::call('HEAD', '/lenra/app/webhooks', undef, ::bearer('x')), '401 ',
          'HEAD without a right');

    for my $method ('GET', 'DELETE') {
        $is->(::call($method, "/lenra/app/webhooks/$other"), $::NotFound,
              "$method another app's");
        $is->(::call($method, "/lenra/app/webhooks/$uuid", undef,
                     ::bearer('other')), $::NotFound, "$method from there");
        $is->(::call($method, "/lenra/app/webhooks/$::Nobody"), $::NotFound,
              "$method an unknown one");
    }

    $is->(::call('GET', "/lenra/app/webhooks/$uuid", $::Large),
          "200 $webhook\n", 'a body is not looked at');

    $is->(::call('DELETE', "/lenra/app/webhooks/\U$uuid", '{"a":1'), '204 ',
          'delete, with a body');
    $is->($::Head =~ s/\r\nDate: [^\r]+//r,
          "HTTP/1.1 204 No Content\r\nServer: nginx\r\n"
          . "Connection: keep-alive\r\n\r\n", 'the head');

    $is->(::remove($uuid), $::NotFound, 'delete again');
    $is->(::get("/$uuid"), $::NotFound, 'get');
    $is->(::trigger($uuid, '{}'), $::NotFound, 'trigger');
    $is->(::get(''), "200 []\n", 'list');
    $is->(::get("/$other", ::bearer('other')),
          ::shown($other, '"a"', undef, -7, '-9223372036854775808'),
          "the other app's is still there");
    ::wipe();
}



=== TEST 9: a deletion whose body comes slowly, or never
--- client eval
sub {
    my $is = shift;
    my ($one, $two) = (::made(), ::made());

    my $socket = ::dial();
    ::put($socket, ::head('DELETE', "/lenra/app/webhooks/$one",
                          'Content-Length' => 100), 'x' x 50);
    $is->(::answer($socket), '204 ', 'deleted, by its head');
    ::put($socket, 'x' x 50, ::head('GET', '/lenra/app/webhooks'));
    $is->(::answer($socket), '200 [' . ::webhook($two, '"a"') . "]\n",
          'the next request');

    $socket = ::dial();
    ::put($socket, ::head('DELETE', "/lenra/app/webhooks/$two",
                          'Transfer-Encoding' => 'chunked'), "5\r\nx");
    $is->(::answer($socket), '204 ', 'deleted, by its head');
    close $socket;

    $is->(::get(''), "200 []\n", 'both are gone');
}



=== TEST 10: paths: what there is not
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $flat = $uuid =~ s/-//gr;
    my $long = 'a' x 7000;

    for ('', 'app', 'app/', 'app/webhook', 'app/webhooks/', 'app/webhooks/x',
         'App/webhooks', 'app/Webhooks', 'app/WEBHOOKS', 'apps/webhooks',
         'xapp/webhooks', 'app/webhooksx', 'app/xwebhooks', 'webhooks',
         "app/webhooks/$uuid/", "app/webhooks/$uuid/x", "app/webhooks/$flat",
         "app/webhooks/{$uuid}", "app/webhooks/urn:uuid:$uuid",
         "app/webhooks/$uuid" . '0', 'app/webhooks/' . substr($uuid, 0, 35),
         'app/webhooks/' . $uuid =~ s/-/_/r,
         'app/webhooks/' . $uuid =~ s/^./g/r,
         "app/webhooks/$uuid ", "app/webhooks/%20$uuid",
         "app/webhooks/$uuid%20", "app/webhooks/$uuid%0a", "app/$uuid",
         "app/webhook/$uuid", "App/webhooks/$uuid", "x/webhooks/$uuid",
         "webhooks/$uuid", 'app/webhooks/' . $uuid =~ s/-/%252D/r,
         'app/webhooks/..', 'app/webhooks/../', 'app/webhooks/%2e%2e',
         "app/webhooks/$uuid/%2e%2e", "app/webhooks/..%2f..%2fapp",
         'app/webhooks%3Flimit=1', 'app/webhooks%01',
         'app/webhooks;x', 'app/webhooks.json', "app/webhooks/$uuid.json",
         "app/$long/webhooks", "app/webhooks/$long", "app/webhooks$long",
         "$long/webhooks/$uuid",
         "apps/$::App/webhooks", "apps/$::App/webhooks/", "apps/$::App/$uuid",
         "apps/$::App/webhooks/$uuid/", "apps/$::App/webhooks/$uuid/x",
         "apps/$::App/webhooks/$long", "apps/$long/webhooks/$uuid",
         "apps/$::App/webhooks/$flat", "apps/$::App/webhooks/{$uuid}",
         'apps/' . substr($::App, 0, 35) . "/webhooks/$uuid",
         "apps/${main::App}0/webhooks/$uuid", "apps/x/webhooks/$uuid",
         "apps/webhooks/$uuid", "apps//webhooks/$uuid",
         "app/$::App/webhooks/$uuid", "Apps/$::App/webhooks/$uuid",
         "apps/$::App/Webhooks/$uuid", "xapps/$::App/webhooks/$uuid",
         "$::App/webhooks/$uuid", "apps/$::App/webhooks/%2e%2e/$uuid",
         "apps/$::App/webhooks/" . $uuid =~ s/-/%252d/r,
         "apps/$::App/webhooks/$uuid%20", "apps/$::App%20/webhooks/$uuid")
    {
        my $uri = "/lenra/$_";

        # a space would end the path
        next if / /;

        for my $method ('GET', 'POST', 'DELETE', 'PUT') {
            $is->(::call($method, $uri, $method eq 'POST' ? '{}' : undef),
                  $::NotFound, "$method " . substr $uri, 0, 70);
        }

        $is->(::field('Content-Type'), 'application/json', 'media type');
        $is->(::call('POST', $uri, '{}', Authorization => undef), $::NotFound,
              'without a token');
    }

    ::wipe();
}



=== TEST 11: paths: decoded and normalised, as nginx does for its locations
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $webhook = ::webhook($uuid, '"a"');

    for ('/lenra/app/webhooks', '/lenra//app///webhooks',
         '/lenra/x/../app/webhooks', '/lenra/app/./webhooks',
         '/lenra/%61pp/web%68ooks', '/lenra/x%2e/app/webhooks',
         '/lenra/...%2E/app/webhooks',
         '/lenra/deeper/mounted/app/webhooks')
    {
        $is->(::call('GET', $_), "200 [$webhook]\n", $_);
    }

    for ("/lenra/app/webhooks/$uuid", "/lenra/app/webhooks/$uuid?a=%2F..%2F",
         "/lenra/app/webhooks/x/../$uuid", '/lenra/app/webhooks/'
         . $uuid =~ s/-/%2D/gr)
    {
        $is->(::call('GET', $_), "200 $webhook\n", $_);
    }

    for ("/lenra/apps/$::App/webhooks/$uuid",
         "/lenra/apps/\U$::App\E/webhooks/\U$uuid",
         "/lenra/apps/x/../$::App/webhooks/$uuid",
         '/lenra/apps/' . $::App =~ s/-/%2d/gr . "/webhooks/$uuid",
         "/lenra/app/apps/$::App/webhooks/$uuid?x=/app/webhooks")
    {
        $is->(::call('POST', $_, '{}'), ::passed(::event('{}')), $_);
    }

    # an encoded slash or dot segment might come from within a segment

    for ('/lenra/app%2Fwebhooks', '/lenra%2fapp/webhooks',
         '/lenra/app/x/%2e%2e/webhooks', '/lenra/app/%2E/webhooks',
         '/lenra/app/x/.%2e/webhooks',
         "/lenra/app/webhooks/$uuid/..%2f..%2fwebhooks",
         "/lenra/app/webhooks%2F$uuid", "/lenra/app/webhooks/x%2F..%2F$uuid",
         "/lenra/apps/$::App%2Fwebhooks%2f$uuid",
         "/lenra/apps/$::App/webhooks%2f$uuid",
         "/lenra/apps/x/%2e%2E/$::App/webhooks/$uuid")
    {
        $is->(::call($_->[0], $_->[1], $_->[2]), $::NotFound, "@$_[0, 1]")
            for ['GET', $_], ['POST', $_, '{}'], ['DELETE', $_];
    }

    $is->(::call('GET', '/lenra/app/webhooks'), "200 [$webhook]\n", 'as it was');

    ::wipe();
}



=== TEST 12: error_page wins, and knows the reason
--- config
    location /own/ {
        webhook lenra zone=z;
        error_page 400 401 404 405 415 @own;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }

    location @own {
        default_type text/plain;
        return 200 "own: $webhook_reason $webhook_provider [$webhook_app]\n";
    }
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();
    my $uri = '/own/app/webhooks';

    for ([404, 'not_found', '', 'GET', '/own/x'],
         [405, 'method_not_allowed', '', 'PUT', $uri],
         [401, 'unauthenticated', '', 'GET', $uri, undef,
          Authorization => undef],
         [401, 'invalid_token', '', 'GET', $uri, undef, ::bearer('x')],
         [415, 'unsupported_media_type', $::App, 'POST', $uri, '{}',
          'Content-Type' => 'a/b'],
         [400, 'invalid_json', $::App, 'POST', $uri, '{'],
         [400, 'invalid_action', $::App, 'POST', $uri, '{}'],
         [400, 'invalid_limit', $::App, 'GET', "$uri?limit=x"],
         [404, 'not_found', $::App, 'GET', "$uri/$::Nobody"],
         [400, 'invalid_json', $::App, 'POST',
          "/own/apps/$::App/webhooks/$uuid", '['])
    {
        my ($status, $reason, $app, @request) = @$_;

        $is->(::call(@request), "$status own: $reason lenra [$app]\n", $reason);
    }

    ::wipe();
}



=== TEST 13: a full zone
--- http_config
    webhook_zone zone=full:32k;
--- config
    location /full/ {
        webhook lenra zone=full;
        proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;
    }
--- client eval
sub {
    my $is = shift;
    my $uri = '/full/app/webhooks';
    my $filled;

    for my $round (1 .. 4) {
        my $length = (40, 40, 700, 40)[$round - 1];
        my (@uuids, $answer);
        my $props = sub { sprintf '{"n":%d,"p":"%s"}', $_[0], 'p' x $length };

        while (@uuids < 1000) {
            my $n = @uuids;

            $answer = ::call('POST', $uri, "{\"action\":\"a\",\"props\":"
                                           . $props->($n) . '}');
            last if $answer !~ /^200 \{"uuid":"($::V4)"/;
            push @uuids, $1;
        }

        my $all = CORE::join ',', map { ::webhook($uuids[$_], '"a"',
                                                  $props->($_)) } 0 .. $#uuids;

        $is->($answer, $::Full, "round $round: full");
        $is->(::field('Retry-After'), '10', 'Retry-After');
        $is->(::field('Content-Type'), 'application/json', 'media type');
        $is->(@uuids > 10, 1, 'with more than 10: ' . @uuids);

        if ($length == 40) {
            $filled //= @uuids;
            $is->(scalar @uuids, $filled, 'as many as the first time');
        }

        $is->(::call('POST', $uri, '{"action":"' . 'x' x 60_000 . '"}'),
              $::Full, 'far too large');
        $is->(::call('POST', $uri, '{"action":"a","props":' . $props->(0)
                                   . '}', ::bearer('other')),
              $::Full, "no room for another app's either");
        $is->(::call('GET', $uri, undef, ::bearer('other')), "200 []\n",
              "nothing of another app's");
        $is->(::call('GET', "$uri?limit=1000"), "200 [$all]\n",
              'the earlier ones are all there, and nothing else');

        for my $n (0, int(@uuids / 2), $#uuids) {
            $is->(::call('POST', "/full/apps/$::App/webhooks/$uuids[$n]", '{}'),
                  ::passed(::event('{}', '"a"', $props->($n))), "trigger $n");
        }

        # one goes, one comes
        my $uuid = splice @uuids, 3, 1;
        $is->(::call('DELETE', "$uri/$uuid"), '204 ', 'one is deleted');
        $answer = ::call('POST', $uri, '{"action":"b","props":' . $props->(3)
                                       . '}');
        push @uuids, $answer =~ /^200 \{"uuid":"($::V4)"/;
        $is->($answer, ::shown($uuids[-1], '"b"', $props->(3)),
              'one can be created');
        $is->(::call('POST', $uri, '{"action":"a","props":' . $props->(0)
                                   . '}'), $::Full, 'but no other one');

        $is->(::call('DELETE', "$uri/$_"), '204 ', 'deleted') for @uuids;
        $is->(::call('GET', $uri), "200 []\n", 'all are deleted');
    }
}
--- error_log
webhook lenra refused: zone_full
--- no_error_log
ngx_slab_alloc() failed
[error]
[crit]



=== TEST 14: pipelined, and several connections at a time
--- client eval
sub {
    my $is = shift;
    my @sockets = map { ::dial() } 1 .. 8;
    my @uuids;

    for my $round (1 .. 5) {
        ::put($_, (::request('POST', '/lenra/app/webhooks', '{"action":"a"}'))
                  x 3) for @sockets;

        for my $socket (@sockets) {
            for (1 .. 3) {
                my $answer = ::answer($socket);
                my ($uuid) = $answer =~ /^200 \{"uuid":"($::V4)"/;
                $is->($answer, ::shown($uuid, '"a"'), 'created');
                push @uuids, $uuid;
            }
        }
    }

    my %seen = map { $_ => 1 } @uuids;
    my @listed = ::get('?limit=1000') =~ /"uuid":"($::V4)"/g;

    $is->(scalar keys %seen, 120, 'all UUIDs differ');
    $is->(CORE::join(' ', sort @listed), CORE::join(' ', sort @uuids),
          'all are listed');
    ::wipe();
}



=== TEST 15: clients that go away
--- client eval
sub {
    my $is = shift;
    my $uuid = ::made();

    for (::request('POST', '/lenra/app/webhooks', '{"action":"gone"}'),
         ::request('DELETE', "/lenra/app/webhooks/$::Nobody"),
         ::request('GET', '/lenra/app/webhooks'),
         ::request('POST', "/lenra/apps/$::App/webhooks/$uuid", $::Large))
    {
        my $whole = ::dial();
        ::put($whole, $_);
        close $whole;

        my $half = ::dial();
        ::put($half, substr $_, 0, length($_) - 5);
        Time::HiRes::sleep(0.02);
        close $half;
    }

    Time::HiRes::sleep(0.05);
    $is->(::get("/$uuid"), ::shown($uuid, '"a"'), 'it goes on');
    ::wipe();
    $is->(::get(''), "200 []\n", 'all can be deleted');
}
