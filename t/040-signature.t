use lib 't/lib';
use WebhookTest 'no_plan';

# Signatures over the raw body, of each scheme: what is signed rightly goes
# upstream byte for byte, everything else gets one exact answer.  The moments
# that signatures tell are those of the clients below, which sign what they
# send when they send it.

use Digest::SHA qw(hmac_sha256);
use HTTP::Date ();
use HTTPClient qw($Head answer2 chunks data dial dial2 frame put);
use MIME::Base64 qw(decode_base64 encode_base64);
use Time::HiRes ();

our @Schemes = qw(standard github stripe slack shopify);
our @Timed = qw(standard stripe slack);

# Every secret has "hush" in it, which no log may have.
our %Secret = (
    standard => ['whsec_' . 'hush' x 8, 'whsec_' . 'HUSHhush' x 10 . 'hush'],
    map { $_ => ["hush-$_", "newer hush $_ "] } qw(github stripe slack shopify),
);

our %Key = (
    %Secret,
    standard => [map { decode_base64(substr $_, 6) } @{$Secret{standard}}],
);

our %Challenge = (
    standard => 'Webhook-Signature',
    github => 'X-Hub-Signature-256',
    stripe => 'Stripe-Signature',
    slack => 'X-Slack-Signature',
    shopify => 'X-Shopify-Hmac-Sha256',
);

our %Prefix = (standard => 'v1,', github => 'sha256=', stripe => 'v1=',
               slack => 'v0=', shopify => '');

our %Message = (
    missing_signature => 'a header of the signature is missing',
    invalid_signature => 'the signature is not valid',
    stale_signature => 'the timestamp of the signature is too old or too new',
    missing_secret => 'the header with the secret is missing',
    invalid_secret => 'the secret is not valid',
    unsupported_media_type => 'Content-Type must be application/json',
    unsupported_encoding => 'Content-Encoding is not supported',
    empty_body => 'the body is empty',
    method_not_allowed => 'the method is not one of those in Allow',
    unknown_event => 'the path names no event',
    invalid_json => 'the body is not valid JSON',
    wrong_plugin => 'slug is not the plugin that the secret belongs to',
    not_found => 'Not Found.',
);

our %Phrase = (400 => 'Bad Request', 401 => 'Unauthorized', 403 => 'Forbidden',
               404 => 'Not Found', 405 => 'Method Not Allowed',
               415 => 'Unsupported Media Type');

our $Json = '{"slug":"acme","user_id":"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d",'
            . '"key":"a3c9e5d0-1b2c-4d3e-8f4a-5b6c7d8e9f01","dataset_id":"d"}';

# Not a whole number of any buffer, and not the same twice.
our $Large = join '', map { "$_ \0\xff\x80\r\n" } 1 .. 110000;

our $App = '2f5f1c1e-8f0a-4a65-9d0c-3b6a3d7f8e21';

our $Upstream = <<'END';
    server_tokens off;
    log_format seen escape=none 'seen: $request_method $request_uri';

    server {
        listen 127.0.0.1:$TEST_NGINX_PORT_1;
        large_client_header_buffers 4 64k;
        client_max_body_size 8m;
        client_body_buffer_size 8m;
        log_not_found off;

        location / {
            mirror /mirror;
            error_page 404 =200 @echo;
        }

        location /status/503 {
            return 503;
        }

        location = /mirror {
            return 204;
        }

        location @echo {
            add_header X-Seen "$content_type|$http_content_encoding";
            return 200 $request_body;
        }
    }
END

# A location's text; it proxies to the upstream.
sub location {
    my ($name, $text, $pass) = @_;

    $pass //= 'proxy_pass http://127.0.0.1:$TEST_NGINX_PORT_1;';

    return "location $name {\n $text\n $pass\n}\n";
}

# The directive, with so many secrets.
sub signature {
    my ($scheme, $n, $more) = @_;

    return "webhook_signature $scheme "
           . join(' ', map { "\"$_\"" } @{$Secret{$scheme}}[0 .. $n - 1])
           . ' ' . ($more // '') . ';';
}

our $Common = <<'END';
    large_client_header_buffers 4 64k;
    keepalive_requests 10000;

    location = /ready {
        return 200 "ready\n";
    }

    location = /mirror {
        return 204;
    }
END

for my $scheme (@Schemes) {
    $Common .= location("/$scheme/",
                        'webhook signed; ' . signature($scheme, 1))
            . location("/$scheme-two/",
                       'webhook signed; ' . signature($scheme, 2))
            . location("/$scheme-file/",
                       'webhook signed; client_body_buffer_size 8; '
                       . signature($scheme, 1));
}


# --- signing ----------------------------------------------------------------

# Whatever has been signed: it may not be in the log.
our %Made;

# The signature's text: $with{key}, $with{id}, $with{time}.
sub mac {
    my ($scheme, $body, %with) = @_;

    my $id = $with{id} // 'msg_1';
    my $time = $with{time} // time;
    my $mac = hmac_sha256({
        standard => "$id.$time.$body",
        stripe => "$time.$body",
        slack => "v0:$time:$body",
    }->{$scheme} // $body, $with{key} // $Key{$scheme}[0]);

    my $text = $scheme =~ /^(?:standard|shopify)$/ ? encode_base64($mac, '')
                                                   : unpack 'H*', $mac;
    $Made{$text} = 1;

    return $text;
}

# The headers, as a list of names and values, undef for one that is not sent;
# $with{value} is what is said in the place of the signature.
sub sign {
    my ($scheme, $body, %with) = @_;

    $with{time} //= time;

    my $value = $with{value} // $Prefix{$scheme} . mac($scheme, $body, %with);

    return ('webhook-id' => $with{id} // 'msg_1',
            'webhook-timestamp' => $with{time}, 'webhook-signature' => $value)
        if $scheme eq 'standard';

    return ('X-Slack-Request-Timestamp' => $with{time},
            'X-Slack-Signature' => $value)
        if $scheme eq 'slack';

    return ($Challenge{$scheme} =>
            $scheme eq 'stripe' && !defined $with{value}
            ? "t=$with{time},$value" : $value);
}

# The same with the items of a list, each of which a "%s" in it may be for.
sub sign_list {
    my ($scheme, $body, $separator, @items) = @_;

    my $time = time;
    my $mac = mac($scheme, $body, time => $time);

    @items = map { s/%s/$mac/r } @items;
    unshift @items, "t=$time" if $scheme eq 'stripe';

    return sign($scheme, $body, time => $time,
                value => join $separator, @items);
}


# --- answers ----------------------------------------------------------------

# As answer() has it: the status, the challenges, the body.
sub accepted { "200 [] $_[0]" }

# RFC 9457
sub refused {
    my ($scheme, $reason, $status, $more) = @_;
    $status //= 401;

    return "$status [" . ($status == 401 ? $Challenge{$scheme} // $scheme : '')
           . qq(] {"type":"about:blank","title":"$Phrase{$status}",)
           . qq("status":$status,"detail":"$Message{$reason}",)
           . qq("reason":"$reason") . ($more // '') . '}';
}

# Luzmo's
sub luzmo_refused {
    my ($scheme, $reason, $status, $more) = @_;
    $status //= 401;

    return "$status [" . ($status == 401 ? $Challenge{$scheme} // $scheme : '')
           . qq(] {"type":{"code":$status,"description":"$Phrase{$status}"},)
           . qq("message":"$Message{$reason}","reason":"$reason")
           . ($more // '') . '}';
}

# Lenra's
sub lenra_refused {
    my ($scheme, $message, $reason, $status, $more) = @_;
    $status //= 401;

    return "$status [" . ($status == 401 ? $Challenge{$scheme} // $scheme : '')
           . qq(] {"message":"$message","reason":"$reason") . ($more // '')
           . '}';
}

sub page {
    my ($status) = @_;

    return join "\r\n", '<html>', "<head><title>$status</title></head>",
        '<body>', "<center><h1>$status</h1></center>",
        '<hr><center>nginx</center>', '</body>', '</html>', '';
}


# --- a client ---------------------------------------------------------------

sub head {
    my ($uri, @header) = @_;
    my ($method, @all) = 'POST';

    while (my ($name, $value) = splice @header, 0, 2) {
        if ($name eq 'Method') {
            $method = $value;
        } else {
            push @all, $name, $value;
        }
    }

    return HTTPClient::head($method, $uri, @all);
}

sub request {
    my ($uri, $body, @header) = @_;

    return head($uri, 'Content-Length' => length($body), @header) . $body;
}

sub chunked {
    my ($uri, $pieces, @header) = @_;

    return head($uri, 'Transfer-Encoding' => 'chunked', @header)
           . chunks(@$pieces);
}

sub put_slowly {
    my ($socket, $text) = @_;

    for (split //, $text) {
        put($socket, $_);
        Time::HiRes::sleep(0.0005);
    }
}

# As HTTPClient's, with the challenges in brackets after the status.
sub answer {
    my $answer = HTTPClient::answer(@_);
    my @challenges = $Head =~ /^WWW-Authenticate: ([^\r\n]*)/gim;

    return $answer =~ s/^\d+\K (?=.*)/' [' . join(', ', @challenges) . '] '/er;
}

# Sends a body and headers to a path of each, over one connection, which stays
# open whatever the answer.  A case: name, answer, body, headers.
sub ask {
    my ($is, $uri, @cases) = @_;
    my $socket = dial();

    for (@cases) {
        my ($name, $answer, $body, @header) = @$_;

        put($socket, request($uri, $body, @header));
        $is->(answer($socket), $answer, "$uri: $name");
    }
}

# The same, of a signature that is so many seconds old: in the same second that
# nginx says it is.
sub ask_aged {
    my ($is, $uri, $scheme, $answer, $age) = @_;
    my ($got, $now);

    for (1 .. 20) {
        Time::HiRes::sleep(0.02) while Time::HiRes::time() - time > 0.5;
        $now = time;

        my $socket = dial();
        put($socket, request($uri, 'aged', sign($scheme, 'aged',
                                                time => $now - $age)));
        $got = answer($socket);

        last if $Head =~ /^Date: ([^\r\n]+)/m
                && HTTP::Date::str2time($1) == $now;
    }

    $is->($got, $answer, "$uri: signed $age seconds ago");
}

sub headers {
    my ($stream, $path, @header) = @_;

    return HTTPClient::headers($stream, 'POST', $path, 0, @header);
}

# Some blocks have a client of their own: a sub that is called while nginx is
# running, with a sub for what it has to check.  No signature may be in the log,
# unless the block says that nginx itself writes the headers there.
add_response_body_check(sub {
    my $block = shift;

    return if !defined $block->client;

    is(ref $block->client, 'CODE', $block->name . ' - the client compiles');

    %Made = ();
    $block->client->(sub { is($_[0], $_[1], $block->name . " - $_[2]") });

    open my $file, '<:raw', $Test::Nginx::Util::ErrLogFile or die "log: $!";
    local $/;
    my $log = <$file>;

    is(scalar(grep { index($log, $_) >= 0 } keys %Made), 0,
       $block->name . ' - no signature is in the log')
        unless ($block->log_level // '') eq 'debug';
});

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value('http_config', $Upstream . ($block->http_config // ''));
    $block->set_value('config', $Common . ($block->config // ''))
        unless defined $block->must_die;

    # what the harness would refuse, and the secrets
    if (!defined $block->no_error_log) {
        my $any = join '|', map { quotemeta } grep { length }
                  split /\n+/, $block->error_log // '';
        my $but = $any eq '' ? '' : "(?!.*(?:$any))";

        $block->set_value('no_error_log', [
            qr/hush/i,
            defined $block->must_die ? () : qr/^$but.*\[(?:error|crit)\]/,
        ]);
    }

    if (!defined $block->request && !defined $block->pipelined_requests) {
        $block->set_value('request', 'GET /ready');
        $block->set_value('response_body', "ready\n")
            unless defined $block->must_die;
    }
});

no_shuffle();
repeat_each(2);
run_tests();

__DATA__

=== TEST 1: the examples of the schemes' own documentation
--- config eval
my $long = 'tolerance=100y';

::location('/standard-doc/', 'webhook signed; webhook_signature standard '
                             . "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw $long;")
. ::location('/github-doc/', 'webhook signed; webhook_signature github '
                             . '"It\'s a Secret to Everybody";')
. ::location('/stripe-doc/', 'webhook signed; webhook_signature stripe '
                             . "whsec_x $long;")
. ::location('/slack-doc/', 'webhook signed; webhook_signature slack '
                            . "8f742231b10e8888abcd99yyyzzz85a5 $long;")
. ::location('/shopify-doc/', 'webhook signed; webhook_signature shopify hush;')
--- client eval
sub {
    my $is = shift;

    my $slack = 'token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J'
        . '&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar'
        . '&user_id=U2CERLKJA&user_name=roadrunner'
        . '&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2F'
        . 'hooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F'
        . '96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.'
        . '803a0bc887a14d10d2c447fce8b6703c';

    for (['standard', '{"test": 2432232314}',
          'webhook-id' => 'msg_p5jXN8AQM9LWM0D4loKWxJek',
          'webhook-timestamp' => 1614265330,
          'webhook-signature' =>
          'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='],
         ['github', 'Hello, World!', 'X-Hub-Signature-256' =>
          'sha256=757107ea0eb2509fc211221cce984b8a'
          . '37570b6d7586c22c46f4379c8b043e17'],
         ['stripe', '{}', 'Stripe-Signature' => 't=1614265330,v1='
          . '1a4fdcd98fea6515352a23e260e37db1e55089ae770de286738bd69f21527ac3'],
         ['slack', $slack, 'X-Slack-Request-Timestamp' => 1531420618,
          'X-Slack-Signature' => 'v0='
          . 'a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503'],
         ['shopify', '{"id":820982911946154508}', 'X-Shopify-Hmac-Sha256' =>
          'qBvrsZF7RfB1iS6BX6IHqJTp5L911P7intnPeTPsH0I='])
    {
        my ($scheme, $body, @header) = @$_;

        ::ask($is, "/$scheme-doc/",
              ['as it is', ::accepted($body), $body, @header],
              ['another body', ::refused($scheme, 'invalid_signature'),
               "$body ", @header]);
    }
}



=== TEST 2: any body of any type is passed on as it is
--- client eval
sub {
    my $is = shift;
    my $every = CORE::join '', map { chr } 0 .. 255;

    for my $scheme (@::Schemes) {
        ::ask($is, "/$scheme/some/path?with=arguments", map {
            my ($name, $body, @type) = @$_;
            [$name, ::accepted($body), $body, @type, ::sign($scheme, $body)]
        } (['JSON', $::Json, 'Content-Type' => 'application/json'],
           ['no JSON', '{', 'Content-Type' => 'application/json'],
           ['text', "caf\xc3\xa9\r\n", 'Content-Type' => 'text/plain'],
           ['a form', 'payload=%7B%7D', 'Content-Type' =>
            'application/x-www-form-urlencoded'],
           ['every byte', $every x 9, 'Content-Type' =>
            'application/octet-stream'],
           ['what is not gzip', "\x1f\x8b\0", 'Content-Encoding' => 'gzip'],
           ['NUL', "\0"],
           ['blanks', " \r\n "],
           ['nothing', '']));
    }
}



=== TEST 3: the headers of the body are passed on
--- request eval
"POST /github/\n{"
--- more_headers eval
"Content-Type: text/plain; charset=x\nContent-Encoding: br\n"
. CORE::join ': ', ::sign('github', '{')
--- error_code: 200
--- response_headers
X-Seen: text/plain; charset=x|br
--- response_body chop
{



=== TEST 4: a missing header
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my @all = ::sign($scheme, 'x');

        ::ask($is, "/$scheme/",
              ['all of them', ::refused($scheme, 'missing_signature'), 'x'],
              ['all of them, and the body',
               ::refused($scheme, 'missing_signature'), '']);

        # each one alone
        for (my $i = 0; $i < @all; $i += 2) {
            my @rest = @all;
            splice @rest, $i, 2;

            ::ask($is, "/$scheme/", ["$all[$i]",
                  ::refused($scheme, 'missing_signature'), 'x', @rest]);
        }
    }
}



=== TEST 5: a header twice, empty, or blank
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my @all = ::sign($scheme, 'x');

        for (my $i = 0; $i < @all; $i += 2) {
            my @empty = @all;
            my @blank = @all;
            $empty[$i + 1] = '';
            $blank[$i + 1] = '  ';

            ::ask($is, "/$scheme/", map {
                my ($name, @header) = @$_;
                ["$all[$i] $name", ::refused($scheme, 'invalid_signature'), 'x',
                 @header]
            } (['twice', @all, @all[$i, $i + 1]],
               ['first another', $all[$i], 1, @all],
               ['then another', @all, $all[$i], 1],
               ['and empty', @all, $all[$i], ''],
               ['empty', @empty],
               ['blank', @blank]));
        }

        ::ask($is, "/$scheme/", ['as it should be', ::accepted('x'), 'x', @all]);
    }
}



=== TEST 6: what is no signature, and what is one of something else
--- client eval
sub {
    my $is = shift;

    my %other = (standard => ['v1=', 'V1,', 'v1a,', 'v2,', 'v0,', 'v1, '],
                 github => [qw(sha1= SHA256= sha512= sha256: sha256), '=',
                            'sha256= '],
                 stripe => [qw(v0= v2= V1= v1: v1), '=', 'v1= '],
                 slack => [qw(v1= V0= v0: v0), '=', 'v0= '],
                 shopify => ['sha256=', 'v1=', 'v1,']);

    for my $scheme (@::Schemes) {
        my $prefix = $::Prefix{$scheme};
        my $mac = ::mac($scheme, 'x');
        my $length = length $mac;
        my $t = $scheme eq 'stripe' ? 't=' . time . ',' : '';

        ::ask($is, "/$scheme/", map {
            [substr($_, 0, 100), ::refused($scheme, 'invalid_signature'), 'x',
             ::sign($scheme, 'x', value => "$t$_")]
        } (($prefix eq '' ? () : ($prefix, $mac)),
           (map { $_ . $mac } @{$other{$scheme}}),
           (map { $prefix . $_ }
                substr($mac, 0, 1), substr($mac, 0, $length / 2),
                substr($mac, 0, -2), substr($mac, 0, -1), substr($mac, 1),
                $mac . '0', $mac . '=', $mac . $mac, "\"$mac\"", "$mac;",
                "$mac|$mac", "$mac\t$mac",
                ('A' x $length) , ('0' x $length), ('=' x $length),
                ('-' x $length), ('g' x $length), ("\xff" x $length),
                ('%' x $length), ('x' x 9000),
                '0x' . substr($mac, 2), ' ' . substr($mac, 1),
                substr($mac, 0, -1) . ' x', scalar CORE::reverse($mac))));

        ::ask($is, "/$scheme/", ['the right one', ::accepted('x'), 'x',
                                ::sign($scheme, 'x')]);
    }
}
--- no_error_log
hush



=== TEST 7: hexadecimal digits are of any case
--- client eval
sub {
    my $is = shift;

    for my $scheme (qw(github stripe slack)) {
        my $time = time;
        my $mac = ::mac($scheme, 'x', time => $time);
        my $t = $scheme eq 'stripe' ? "t=$time," : '';

        for my $text (uc $mac, ucfirst $mac, $mac) {
            ::ask($is, "/$scheme/", [$text, ::accepted('x'), 'x',
                  ::sign($scheme, 'x', time => $time,
                         value => $t . $::Prefix{$scheme} . $text)]);
        }
    }
}



=== TEST 8: base64 is that of RFC 4648, section 4, with its padding
--- client eval
sub {
    my $is = shift;

    for my $scheme (qw(standard shopify)) {
        my ($body, $time, $mac) = ('a', time, '');

        # one with both of the characters that the other alphabet replaces
        $mac = ::mac($scheme, ++$body, time => $time)
            while $mac !~ /\+.*\/|\/.*\+/;

        ::ask($is, "/$scheme/", map {
            my ($name, $right, $text) = @$_;
            [$name, $right ? ::accepted($body)
                           : ::refused($scheme, 'invalid_signature'),
             $body, ::sign($scheme, $body, time => $time,
                           value => $::Prefix{$scheme} . $text)]
        } (['as it is', 1, $mac],
           ['the alphabet for URLs', 0, $mac =~ tr{+/}{-_}r],
           ['one of its characters', 0, $mac =~ s{\+}{-}r],
           ['the other', 0, $mac =~ s{/}{_}r],
           ['no padding', 0, $mac =~ s/=$//r],
           ['two for one', 0, $mac . '='],
           ['two in the place of one', 0, $mac =~ s/.=$/==/r],
           ['another character', 0, $mac =~ s/=$/A/r],
           ['a dot', 0, $mac =~ s/=$/./r],
           ['padding that is quoted', 0, $mac =~ s/=$/%3D/r],
           ['padding inside', 0, substr($mac, 0, 20) . '=' . substr($mac, 21)],
           ['in lower case', 0, lc $mac],
           ['in hexadecimal', 0, unpack 'H*', MIME::Base64::decode($mac)]));
    }
}



=== TEST 9: a list of signatures: one of them has to be right
--- client eval
sub {
    my $is = shift;

    for (['standard', ' ', 'v1,', 'v1,' . 'A' x 43 . '='],
         ['stripe', ',', 'v1=', 'v1=' . '0' x 64])
    {
        my ($scheme, $separator, $prefix, $wrong) = @$_;

        my $list = sub {
            my ($name, $right, @items) = @_;

            return [$name, $right ? ::accepted('x')
                                  : ::refused($scheme, 'invalid_signature'),
                    'x', ::sign_list($scheme, 'x', $separator, @items)];
        };

        my $good = "$prefix%s";
        my $later = $prefix =~ s/1/2/r . '%s';

        ::ask($is, "/$scheme/",
              $list->('one', 1, $good),
              $list->('the same twice', 1, $good, $good),
              $list->('the first', 1, $good, $wrong),
              $list->('the last', 1, $wrong, $good),
              $list->('the one between', 1, $wrong, $good, $wrong),
              $list->('none', 0, $wrong, $wrong),
              $list->('beside other versions', 1, 'v1a,' . 'B' x 88, 'v0=1',
                      $later, $good, 'v9'),
              $list->('other versions only', 0, $later, 'v0=1', 'v1a,%s'),
              $list->('beside no items at all', 1, '', '', $good, '', ''),
              $list->('beside half a one', 1, substr($wrong, 0, 20), $good,
                      $prefix),
              $list->('beside rubbish', 1, "\xff\x80", '=,=', '"', $good),
              $list->('a list of nothing', 0, '', ''),
              $list->('of another separator', 0, "$good;$good", "$good|"));

        # as many as the buffers for headers take
        for my $n (300, 900) {
            ::ask($is, "/$scheme/",
                  $list->("the last of $n", 1, ($wrong) x ($n - 1), $good),
                  $list->("the first of $n", 1, $good, ($wrong) x ($n - 1)),
                  $list->("none of $n", 0, ($wrong) x $n),
                  $list->("$n times the right one", 1, ($good) x $n),
                  $list->("$n of other versions", 0, ($later) x $n));
        }
    }
}



=== TEST 10: the schemes with one signature have no lists
--- client eval
sub {
    my $is = shift;

    for my $scheme (qw(github slack shopify)) {
        my $wrong = $scheme eq 'shopify' ? 'A' x 43 . '=' : '0' x 64;

        for my $separator (' ', ',', ', ', ';') {
            ::ask($is, "/$scheme/", map {
                ["$_->[0] with \"$separator\"",
                 ::refused($scheme, 'invalid_signature'), 'x',
                 ::sign_list($scheme, 'x', $separator,
                             map { $::Prefix{$scheme} . $_ } @$_)]
            } (['%s', '%s'], ['%s', $wrong], [$wrong, '%s']));
        }
    }
}



=== TEST 11: several secrets: each of them signs, and no other
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my ($old, $new) = @{$::Key{$scheme}};
        my $wrong = ::refused($scheme, 'invalid_signature');

        ::ask($is, "/$scheme-two/",
              ['the old one', ::accepted('x'), 'x',
               ::sign($scheme, 'x', key => $old)],
              ['the new one', ::accepted('x'), 'x',
               ::sign($scheme, 'x', key => $new)],
              ['another one', $wrong, 'x', ::sign($scheme, 'x', key => 'other')],
              ['the old one, another body', $wrong, 'y',
               ::sign($scheme, 'x', key => $old)],
              ['the new one, another body', $wrong, 'y',
               ::sign($scheme, 'x', key => $new)]);

        ::ask($is, "/$scheme/",
              ['the only one', ::accepted('x'), 'x', ::sign($scheme, 'x')],
              ['the right signature of another secret', $wrong, 'x',
               ::sign($scheme, 'x', key => $new)],
              ['of no secret', $wrong, 'x', ::sign($scheme, 'x', key => '')],
              ['of the secret as it is written', $wrong, 'x',
               ::sign($scheme, 'x', key => "\"$::Secret{$scheme}[0]\"")]);
    }

    # what is configured is base64
    ::ask($is, '/standard/', map {
        [$_, ::refused('standard', 'invalid_signature'), 'x',
         ::sign('standard', 'x', key => $_)]
    } ($::Secret{standard}[0], substr $::Secret{standard}[0], 6));
}



=== TEST 12: a body changed by one bit, one byte less and one more
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my @header = ::sign($scheme, $::Json);
        my $wrong = ::refused($scheme, 'invalid_signature');
        my @cases;

        for my $bit (0, 7, 8, 8 * 63, 8 * 64 + 3, 8 * length($::Json) - 8,
                     8 * length($::Json) - 1)
        {
            my $body = $::Json;
            vec($body, $bit, 1) ^= 1;
            push @cases, ["bit $bit", $wrong, $body, @header];
        }

        ::ask($is, "/$scheme/", @cases,
              ['less', $wrong, substr($::Json, 0, -1), @header],
              ['without its beginning', $wrong, substr($::Json, 1), @header],
              ['more', $wrong, "$::Json\n", @header],
              ['more before it', $wrong, " $::Json", @header],
              ['NUL behind it', $wrong, "$::Json\0", @header],
              ['twice', $wrong, $::Json . $::Json, @header],
              ['nothing', $wrong, '', @header],
              ['something for nothing', $wrong, ' ', ::sign($scheme, '')],
              ['unchanged', ::accepted($::Json), $::Json, @header]);
    }
}



=== TEST 13: id and timestamp are signed
--- client eval
sub {
    my $is = shift;
    my $time = time - 5;
    my @with = (time => $time);

    my $mac = ::mac('standard', 'x', @with);

    for (['another id', id => 'msg_2', @with],
         ['an id with more', id => 'msg_1 ,', @with],
         ['another timestamp', time => $time + 1],
         ['the timestamp with a zero before it', time => "0$time"],
         ['moved to the id', id => "msg_1.$time", @with])
    {
        my ($name, @other) = @$_;

        ::ask($is, '/standard/',
              [$name, ::refused('standard', 'invalid_signature'), 'x',
               ::sign('standard', 'x', value => "v1,$mac", @other)]);
    }

    ::ask($is, '/standard/', map {
        ["id $_", ::accepted('x'), 'x', ::sign('standard', 'x', id => $_)]
    } ('1', 'x' x 2000, 'with a space', "\xc3\xa9", '"', "a'b,c;d"));

    # What is signed has to be read in one way only: bytes of a body could
    # otherwise make an old event a new one.
    my $now = time;
    my $value = 'v1,' . ::mac('standard', "$now.x", time => 1600000000);

    ::ask($is, '/standard/',
          ['as it was signed', ::refused('standard', 'stale_signature'),
           "$now.x", ::sign('standard', '', time => 1600000000,
                            value => $value)],
          ['cut elsewhere', ::refused('standard', 'invalid_signature'), 'x',
           ::sign('standard', '', id => 'msg_1.1600000000', time => $now,
                  value => $value)]);

    for my $scheme (qw(stripe slack)) {
        $mac = $::Prefix{$scheme} . ::mac($scheme, 'x', @with);

        for my $other ($time + 1, $time - 1, "0$time") {
            my $value = $scheme eq 'stripe' ? "t=$other,$mac" : $mac;

            ::ask($is, "/$scheme/",
                  ['another timestamp',
                   ::refused($scheme, 'invalid_signature'), 'x',
                   ::sign($scheme, 'x', time => $other, value => $value)]);
        }
    }
}



=== TEST 14: the tolerance: at it, inside and outside, of the past and the future
--- config eval
CORE::join '', map {
    ::location("/$_-brief/", 'webhook signed; '
                             . ::signature($_, 1, 'tolerance=90s'))
    . ::location("/$_-none/", 'webhook signed; '
                              . ::signature($_, 2, 'tolerance=0'))
    . ::location("/$_-long/", 'webhook signed; '
                              . ::signature($_, 1, 'tolerance=1d'))
} @::Timed
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Timed) {
        my $stale = ::refused($scheme, 'stale_signature');
        my $good = ::accepted('aged');

        for (['', 300], ['-brief', 90], ['-none', 0], ['-long', 86400]) {
            my ($name, $tolerance) = @$_;

            for my $sign (1, -1) {
                ::ask_aged($is, "/$scheme$name/", $scheme, $good,
                           $sign * $tolerance);
                ::ask_aged($is, "/$scheme$name/", $scheme, $stale,
                           $sign * ($tolerance + 1));
                ::ask_aged($is, "/$scheme$name/", $scheme, $stale,
                           $sign * ($tolerance + 2));

                next if !$tolerance;

                ::ask_aged($is, "/$scheme$name/", $scheme, $good,
                           $sign * ($tolerance - 1));
                ::ask_aged($is, "/$scheme$name/", $scheme, $good,
                           $sign * ($tolerance - 2));
            }
        }
    }
}



=== TEST 15: timestamps that are none, or of another age
--- client eval
sub {
    my $is = shift;
    my $now = time;

    for my $scheme (@::Timed) {
        my $stale = ::refused($scheme, 'stale_signature');
        my $wrong = ::refused($scheme, 'invalid_signature');

        ::ask($is, "/$scheme/", map {
            my ($text, $answer) = @$_;
            [substr($text, 0, 100), $answer, 'x',
             ::sign($scheme, 'x', time => $text)]
        } ((map { [$_, $stale] }
                0, 1, '00', -1, -$now, '-0', '-' . '9' x 30, '9' x 30,
                '1' . '0' x 300, $now . '000', $now . '0', 4294967296,
                $now + 4294967296, $now + 2 ** 33, 2147483647, 2147483648,
                '9223372036854775807', '9223372036854775808',
                '18446744073709551615',
                '-9223372036854775808', $now - 86400, $now + 86400),
           (map { [$_, $wrong] }
                '-', '--5', "+$now", "$now.0", "$now.5", "${now}s", "0x$now",
                '1e9', 'now', 'x' x 300, "$now-1", "$now $now", "1 $now",
                "\xff$now", "$now\x80", 'Sun, 06 Nov 1994 08:49:37 GMT',
                '2020-01-01T00:00:00Z', "\"$now\"", "'$now'", "-$now-", '٣',
                'NaN', 'Infinity', '.', ';'),
           ["00$now", ::accepted('x')],
           ['0' x 100 . $now, ::accepted('x')],
           [$now, ::accepted('x')]));

        # what is too old is not looked at any more
        my $value = $::Prefix{$scheme} . 'no signature';
        $value = "t=1,$value" if $scheme eq 'stripe';

        ::ask($is, "/$scheme/", ['stale, and no signature', $stale, 'x',
              ::sign($scheme, 'x', time => 1, value => $value)]);
    }
}



=== TEST 16: Stripe's list: the timestamp is one of its items
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $mac = ::mac('stripe', 'x', time => $now);
    my $wrong = ::refused('stripe', 'invalid_signature');
    my $stale = ::refused('stripe', 'stale_signature');
    my $good = ::accepted('x');

    ::ask($is, '/stripe/', map {
        my ($value, $answer) = @$_;
        [substr($value, 0, 200), $answer, 'x',
         ::sign('stripe', 'x', value => $value)]
    } (["t=$now,v1=$mac", $good],
       ["v1=$mac,t=$now", $good],
       ["t=$now, v1=$mac", $good],
       ["t=$now,   v1=$mac", $good],
       ["v1=$mac, t=$now", $good],
       ["t=$now, v0=1, v1=$mac, v2=3", $good],
       [",t=$now,,v1=$mac,", $good],
       ["t=$now,scheme=v1,v1=$mac", $good],
       ["t=$now,T=1,v1=$mac", $good],
       ["ts=$now,t=$now,v1=$mac", $good],
       ["t=$now,t=$now,v1=$mac", $wrong],
       ["t=$now,v1=$mac,t=$now", $wrong],
       ["t=1,t=$now,v1=$mac", $wrong],
       ["t=$now,t=1,v1=$mac", $wrong],
       ["t=$now,t=,v1=$mac", $wrong],
       ["t=,t=$now,v1=$mac", $wrong],
       ["t=$now, t=$now,v1=$mac", $wrong],
       ["v1=$mac", $wrong],
       ["T=$now,v1=$mac", $wrong],
       ["t,v1=$mac", $wrong],
       ["t=,v1=$mac", $wrong],
       ["t=x,v1=$mac", $wrong],
       ["t=-1,v1=$mac", $stale],
       ["t=1,v1=$mac", $stale],
       ["t= $now,v1=$mac", $wrong],
       ["t=$now ,v1=$mac", $wrong],
       ["t =$now,v1=$mac", $wrong],
       ["t=$now;v1=$mac", $wrong],
       ["t=$now v1=$mac", $wrong],
       ["t=$now,v1=$mac ,v0=1", $wrong],
       ["t=$now,v1 =$mac", $wrong],
       ["t=$now", $wrong],
       ["t=$now,", $wrong],
       ["t=$now,v1=", $wrong],
       ["t=$now,v0=$mac", $wrong],
       [$now, $wrong],
       [',', $wrong],
       ['=', $wrong],
       ['t', $wrong],
       [CORE::join(',', ("t=$now") x 900, "v1=$mac"), $wrong],
       [',' x 9000 . "t=$now,v1=$mac", $good]));
}



=== TEST 17: a body in a temporary file, chunked or not
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        my $uri = "/$scheme-file/";
        my $changed = $::Large;
        vec($changed, 8 * 700000, 1) ^= 1;

        for ([$::Large, ::accepted($::Large)],
             [$changed, ::refused($scheme, 'invalid_signature')],
             [$::Large . "\n", ::refused($scheme, 'invalid_signature')])
        {
            my ($body, $answer) = @$_;
            my @header = ::sign($scheme, $::Large);

            ::put($socket, ::chunked($uri, [$body =~ /.{1,7001}/gs], @header));
            $is->(::answer($socket) eq $answer, 1, "$uri: chunked");

            ::put($socket, ::request($uri, $body, @header));
            $is->(::answer($socket) eq $answer, 1, "$uri: with its length");
        }
    }
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 18: chunks of one byte, of a few, with extensions and a trailer
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        my $uri = "/$scheme/";

        for my $pieces ([split //, $::Json], [$::Json =~ /.{1,7}/gs],
                        [$::Json], [])
        {
            my $body = CORE::join '', @$pieces;

            ::put($socket, ::head($uri, 'Transfer-Encoding' => 'chunked',
                                  ::sign($scheme, $body)),
                  (map { sprintf "%x ; a=b\r\n%s\r\n", length $_, $_ }
                       @$pieces), "0\r\nX-Trailer: x\r\n\r\n");
            $is->(::answer($socket), ::accepted($body), scalar @$pieces);

            ::put($socket, ::chunked($uri, [@$pieces, '.'],
                                     ::sign($scheme, $body)));
            $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
                  scalar(@$pieces) . ' and one more');
        }
    }
}



=== TEST 19: a client that sends one byte at a time
--- client eval
sub {
    my $is = shift;
    my $body = substr $::Json, 0, 100;

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        my @header = ::sign($scheme, $body);

        ::put_slowly($socket, ::request("/$scheme/", $body, @header));
        $is->(::answer($socket), ::accepted($body), "$scheme");

        ::put_slowly($socket, ::request("/$scheme/", $body ^ ' ', @header));
        $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
              "$scheme, another body");

        ::put_slowly($socket, ::chunked("/$scheme-file/", [$body =~ /.{1,9}/g],
                                        @header));
        $is->(::answer($socket), ::accepted($body),
              "$scheme, chunked, in a file");
    }
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 20: client_body_in_file_only, client_body_in_single_buffer
--- config eval
::location('/only/', 'webhook signed; client_body_in_file_only clean; '
                     . ::signature('github', 1))
. ::location('/single/', 'webhook signed; client_body_in_single_buffer on; '
                         . 'client_body_buffer_size 4m; '
                         . ::signature('github', 1))
. ::location('/unbuffered/', 'webhook signed; proxy_request_buffering off; '
                             . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;

    for my $uri (qw(/only/ /single/ /unbuffered/)) {
        for my $body ('', $::Json, $::Large) {
            my @header = ::sign('github', $body);
            my $socket = ::dial();

            ::put($socket, ::request($uri, $body, @header));
            $is->(::answer($socket) eq ::accepted($body), 1, "$uri: accepted");

            ::put($socket, ::request($uri, "$body ", @header));
            $is->(::answer($socket), ::refused('github', 'invalid_signature'),
                  "$uri: refused");
        }
    }
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 21: the method is judged before the signature, the path not at all
--- request eval
[(map { "$_ /github/x" } qw(GET HEAD PUT DELETE OPTIONS)), 'GET /github/']
--- more_headers eval
[('') x 5, CORE::join ': ', ::sign('github', '')]
--- error_code eval
[(405) x 6]
--- response_headers eval
[("Allow: POST\n!WWW-Authenticate\nContent-Type: application/problem+json") x 6]
--- response_body eval
my $body = ::refused('github', 'method_not_allowed', 405) =~ s/^405 \[\] //r;
[$body, '', ($body) x 4]



=== TEST 22: the type of the answer to a missing and to a wrong signature
--- request eval
["POST /slack/\nx", "POST /slack/\nx", "POST /stripe/\nx"]
--- more_headers eval
['', "X-Slack-Signature: v0=1\nX-Slack-Request-Timestamp: 1",
 'Stripe-Signature: nothing']
--- error_code eval
[401, 401, 401]
--- response_headers eval
[("WWW-Authenticate: X-Slack-Signature\n"
  . 'Content-Type: application/problem+json') x 2,
 "WWW-Authenticate: Stripe-Signature\nContent-Type: application/problem+json"]
--- response_body eval
[map { s/^401 \[\S+ //r } ::refused('slack', 'missing_signature'),
     ::refused('slack', 'stale_signature'),
     ::refused('stripe', 'invalid_signature')]



=== TEST 23: client_max_body_size is nginx's own
--- config eval
::location('/tiny/', 'webhook signed; client_max_body_size 10; '
                     . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;
    my $large = '413 [] ' . ::page('413 Request Entity Too Large');

    my $socket = ::dial();
    ::put($socket, ::request('/tiny/', 'x' x 11, ::sign('github', 'x' x 11)));
    $is->(::answer($socket), $large, 'too large, and signed');

    $socket = ::dial();
    ::put($socket, ::chunked('/tiny/', ['x' x 11], ::sign('github', 'other')));
    $is->(::answer($socket), $large, 'too large, chunked');

    $socket = ::dial();
    ::put($socket, ::chunked('/tiny/', ['x' x 10],
                             ::sign('github', 'x' x 10)));
    $is->(::answer($socket), ::accepted('x' x 10), 'just so');
}
--- error_log
client intended to send too large



=== TEST 24: webhook luzmo: the signature comes before type, encoding and payload
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
    my $type = ::luzmo_refused('', 'unsupported_media_type', 415);
    my $encoding = ::luzmo_refused('', 'unsupported_encoding', 415);
    my $syntax = ::luzmo_refused('', 'invalid_json', 400, ',"offset":1');
    my $empty = ::luzmo_refused('', 'empty_body', 400);

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
          ['a method, none', ::luzmo_refused('', 'method_not_allowed', 405),
           '', Method => 'GET'],
          ['right again', ::accepted($::Json), $::Json, @json,
           ::sign('github', $::Json)]);

    ::ask($is, '/hook/other',
          ['a path', ::luzmo_refused('', 'unknown_event', 404), $::Json, @json,
           @wrong]);

    # large ones that are not JSON, or not of the type
    my $socket = ::dial();

    for ([\@json, 'x' x 300000, ::luzmo_refused('', 'invalid_json', 400,
                                                ',"offset":0')],
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



=== TEST 25: a secret and a signature: both have to be right, the secret first
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
          ["another one's secret", ::luzmo_refused('', 'wrong_plugin', 403,
           ',"field":"slug"'), $::Json, @other, @good]);

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



=== TEST 26: webhook munity with a signature and no secret
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
    my $type = ::refused('', 'unsupported_media_type', 415);
    my $field = '400 [] {"type":"about:blank","title":"Bad Request",'
                . '"status":400,"detail":"payload.test must be true or false",'
                . '"reason":"invalid_field","field":"payload.test"}';
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



=== TEST 27: webhook lenra: who triggers has to sign, who creates has a token
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
          . '"props":null,"environment_id":1,"user_id":null}', 'created');

    ::put($socket, ::request('/l/app/webhooks', $body, @json,
                             ::sign('github', $body)));
    $is->(::answer($socket), ::lenra_refused('Bearer',
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
    my $missing = ::lenra_refused('github', $::Message{missing_signature},
                                  'missing_signature');
    my $invalid = ::lenra_refused('github', $::Message{invalid_signature},
                                  'invalid_signature');
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
          ['no JSON, right', ::lenra_refused('', $::Message{invalid_json},
           'invalid_json', 400, ',"offset":1'), '{', @json,
           ::sign('github', '{')],
          ['a type, wrong', $invalid, '{}', ::sign('github', 'other')],
          ['a type, right', ::lenra_refused('',
           $::Message{unsupported_media_type}, 'unsupported_media_type', 415),
           '{}', ::sign('github', '{}')]);

    ::ask($is, ($uri =~ s/.$/$& eq '0' ? 1 : 0/er),
          ['an unknown one, none', ::lenra_refused('', 'Not Found.',
           'error_404', 404), '{}', @json],
          ['an unknown one, right', ::lenra_refused('', 'Not Found.',
           'error_404', 404), '{}', @json, ::sign('github', '{}')]);

    ::put($socket, ::head("/l/app/webhooks/$uuid", Method => 'DELETE', @token));
    $is->(::answer($socket), '204 [] ', 'deleted');
}



=== TEST 28: http, server and location: the nearest is the one
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



=== TEST 29: a standard secret: with and without whsec_, of 24 and of 64 bytes
--- config eval
my $n = 0;

CORE::join '', map {
    $n++;
    ::location("/$n/", "webhook signed; webhook_signature standard $_;")
} ('hush' x 8, 'whsec_' . 'hush' x 8,
   MIME::Base64::encode_base64('hush' x 16, ''),
   'whsec_' . MIME::Base64::encode_base64('hush' x 7, ''),
   'whsec_+/+/' . 'hush' x 9)
--- client eval
sub {
    my $is = shift;
    my $n = 0;

    for my $key (MIME::Base64::decode_base64('hush' x 8),
                 MIME::Base64::decode_base64('hush' x 8), 'hush' x 16,
                 'hush' x 7, MIME::Base64::decode_base64('+/+/' . 'hush' x 9))
    {
        $n++;
        ::ask($is, "/$n/", ['right', ::accepted('x'), 'x',
                            ::sign('standard', 'x', key => $key)],
                           ['wrong', ::refused('standard',
                            'invalid_signature'), 'x', ::sign('standard', 'x',
                            key => "$key.")]);
    }
}



=== TEST 30: secrets of any length and bytes, many of them
--- config eval
::location('/long/', 'webhook signed; webhook_signature github "' . 'hush' x 500
                     . '";')
. ::location('/block/', 'webhook signed; webhook_signature github "'
                        . 'hush' x 16 . '";')
. ::location('/one/', 'webhook signed; webhook_signature github h;')
. ::location('/bytes/', 'webhook signed; webhook_signature github '
                        . "\"hush\xff\x80 '\\\"\\\\;{}\";")
. ::location('/whsec/', 'webhook signed; webhook_signature stripe '
                        . 'whsec_hush!;')
. ::location('/many/', 'webhook signed; webhook_signature shopify '
                       . CORE::join(' ', map { "hush$_" } 1 .. 50) . ';')
--- client eval
sub {
    my $is = shift;

    for (['/long/', 'github', 'hush' x 500], ['/block/', 'github', 'hush' x 16],
         ['/one/', 'github', 'h'], ['/bytes/', 'github',
                                    "hush\xff\x80 '\"\\;{}"],
         ['/whsec/', 'stripe', 'whsec_hush!'],
         (map { ['/many/', 'shopify', "hush$_"] } 1, 2, 25, 49, 50))
    {
        my ($uri, $scheme, $key) = @$_;

        ::ask($is, $uri, ['right', ::accepted('x'), 'x',
                          ::sign($scheme, 'x', key => $key)],
                         ['wrong', ::refused($scheme, 'invalid_signature'),
                          'x', ::sign($scheme, 'x', key => $key . 'x')]);
    }
}



=== TEST 31: satisfy any: whatever grants access, the signature is judged
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



=== TEST 32: auth_request beside a signature, and a subrequest into a signed location
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



=== TEST 33: a signed location after another one has read the body
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



=== TEST 34: a body that comes after its refusal is not taken for a request
--- client eval
sub {
    my $is = shift;
    my $trap = "GET /ready HTTP/1.1\r\nHost: x\r\n\r\n";

    for my $scheme (@::Schemes) {
        my $socket = ::dial();

        for (['missing_signature'],
             ['invalid_signature', ::sign($scheme, 'x'), ::sign($scheme, 'x')],
             (grep { $_->[0] ne 'stale_signature'
                     || $scheme !~ /github|shopify/ }
                   ['stale_signature', ::sign($scheme, $trap,
                                              time => time - 1000)]))
        {
            my ($reason, @header) = @$_;

            ::put($socket, ::head("/$scheme/", 'Content-Length' => length $trap,
                                  @header));
            $is->(::answer($socket), ::refused($scheme, $reason),
                  "$scheme: by its head");
            ::put($socket, $trap);
            ::put($socket, ::request("/$scheme/", 'y', ::sign($scheme, 'y')));
            $is->(::answer($socket), ::accepted('y'), 'the next one');

            ::put($socket, ::head("/$scheme/", 'Transfer-Encoding' => 'chunked',
                                  @header));
            $is->(::answer($socket), ::refused($scheme, $reason),
                  "$scheme: by its head, chunked");
            ::put($socket, ::chunks($trap));
            ::put($socket, ::request("/$scheme/", 'y', ::sign($scheme, 'y')));
            $is->(::answer($socket), ::accepted('y'), 'the next one');
        }

        # after it all
        ::put($socket, ::request("/$scheme/", $trap, ::sign($scheme, 'x')),
                       ::request("/$scheme/", 'y', ::sign($scheme, 'y')));
        $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
              "$scheme: pipelined");
        $is->(::answer($socket), ::accepted('y'), 'the next one');
    }
}



=== TEST 35: Expect: 100-continue gets 100 only if the body is wanted
--- config eval
::location('/luzmo/', 'webhook luzmo; ' . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;
    my @expect = (Expect => '100-continue', 'Content-Length' => 1);

    for my $scheme (@::Schemes) {
        my $socket = ::dial();
        ::put($socket, ::head("/$scheme/", @expect, ::sign($scheme, 'x')));
        $is->(::answer($socket), '100', "$scheme: right");
        ::put($socket, 'x');
        $is->(::answer($socket), ::accepted('x'), "$scheme: right");

        # it is known after the body only
        $socket = ::dial();
        ::put($socket, ::head("/$scheme/", @expect, ::sign($scheme, 'x')));
        $is->(::answer($socket), '100', "$scheme: wrong");
        ::put($socket, 'y');
        $is->(::answer($socket), ::refused($scheme, 'invalid_signature'),
              "$scheme: wrong");

        my @good = ::sign($scheme, 'x');

        for (['missing_signature'],
             ['invalid_signature', @good, @good],
             ['invalid_signature', (map { $_ % 2 ? '' : $good[$_] }
                                        0 .. $#good)],
             ($scheme =~ /github|shopify/ ? () :
              (['stale_signature', ::sign($scheme, 'x', time => 1)],
               ['invalid_signature', ::sign($scheme, 'x', time => 'x')])))
        {
            my ($reason, @header) = @$_;

            $socket = ::dial();
            ::put($socket, ::head("/$scheme/", @expect, @header));
            $is->(::answer($socket), ::refused($scheme, $reason),
                  "$scheme: $reason, no 100");
        }
    }

    my $socket = ::dial();
    ::put($socket, ::head('/luzmo/data_updated', @expect,
                          'Content-Type' => 'text/plain'));
    $is->(::answer($socket), ::luzmo_refused('github', 'missing_signature'),
          'luzmo: none, no 100');

    $socket = ::dial();
    ::put($socket, ::head('/luzmo/data_updated', @expect,
                          'Content-Type' => 'text/plain',
                          ::sign('github', 'x')));
    $is->(::answer($socket), '100', 'luzmo: a type, and perhaps right');
    ::put($socket, 'x');
    $is->(::answer($socket),
          ::luzmo_refused('', 'unsupported_media_type', 415), 'luzmo: a type');
}



=== TEST 36: clients that go away, too slow ones, and half a body
--- config eval
::location('/slow/', 'webhook signed; client_body_timeout 200ms; '
                     . ::signature('github', 1))
--- client eval
sub {
    my $is = shift;

    for my $uri (qw(/github/ /github-file/)) {
        for my $sent ('', 'x', 'x' x 9000) {
            my $socket = ::dial();
            ::put($socket, ::head($uri, 'Content-Length' => 9999,
                                  ::sign('github', 'x')), $sent);
            Time::HiRes::sleep(0.02);
            close $socket;
        }
    }

    my $socket = ::dial();
    ::put($socket, ::head('/slow/', 'Content-Length' => 2,
                          ::sign('github', 'xx')), 'x');
    $is->(::answer($socket), 'closed', 'closed, as nginx does it');

    ::ask($is, '/github/', ['the next one', ::accepted('x'), 'x',
                            ::sign('github', 'x')]);
}



=== TEST 37: error_page wins over our body
--- config eval
::location('/paged/', 'webhook signed; error_page 401 /page; '
                      . ::signature('github', 1))
. 'location = /page { return 200 "page\n"; }'
--- client eval
sub {
    my $is = shift;

    ::ask($is, '/paged/',
          ['none', "401 [X-Hub-Signature-256] page\n", 'x'],
          ['wrong', "401 [X-Hub-Signature-256] page\n", 'x',
           ::sign('github', 'y')],
          ['right', ::accepted('x'), 'x', ::sign('github', 'x')]);
}



=== TEST 38: the variables
--- config eval
::location('/seen/', 'webhook signed; ' . ::signature('standard', 1)
           . 'add_header X-Seen-Here "$webhook_provider|$webhook_event|'
           . '$webhook_reason|$webhook_id" always;')
--- client eval
sub {
    my $is = shift;

    for (['', 'x', 'msg_77', ::sign('standard', 'x', id => 'msg_77')],
         ['missing_signature', 'x', 'msg_77', 'webhook-id' => 'msg_77'],
         ['invalid_signature', 'y', 'msg_77',
          ::sign('standard', 'x', id => 'msg_77')],
         ['stale_signature', 'x', 'msg_77',
          ::sign('standard', 'x', id => 'msg_77', time => 5)])
    {
        my ($reason, $body, $id, @header) = @$_;

        my $socket = ::dial();
        ::put($socket, ::request('/seen/', $body, @header));
        $is->(::answer($socket), $reason eq '' ? ::accepted($body)
                                 : ::refused('standard', $reason),
              "\"$reason\"");
        $is->($::Head =~ /^X-Seen-Here: (\S*)/m && $1,
              "signed||$reason|$id", "\"$reason\", variables");
    }
}



=== TEST 39: the log names the reason, and nothing else of a signature
--- client eval
sub {
    my $is = shift;

    for my $scheme (@::Schemes) {
        ::ask($is, "/$scheme/",
              ['none', ::refused($scheme, 'missing_signature'), 'x'],
              ['wrong', ::refused($scheme, 'invalid_signature'), 'x',
               ::sign($scheme, 'some text')]);
    }

    ::ask($is, '/slack/', ['stale', ::refused('slack', 'stale_signature'), 'x',
                           ::sign('slack', 'x', time => 1)]);
}
--- error_log eval
[qr/\[info\] .*webhook signed refused: missing_signature/,
 qr/\[info\] .*webhook signed refused: invalid_signature/,
 qr/\[info\] .*webhook signed refused: stale_signature/]
--- no_error_log eval
[qr/hush/i, 'some text', '[error]', '[crit]']



=== TEST 40: nor does the log of the debug level tell what would have been right
--- log_level: debug
--- client eval
sub {
    my $is = shift;
    my @right;

    for my $scheme (@::Schemes) {
        push @right, map { ::mac($scheme, $_) } '', 'x', 'y';

        ::ask($is, "/$scheme-two/", ['wrong',
              ::refused($scheme, 'invalid_signature'), 'y',
              ::sign($scheme, 'x', key => 'other')]);
    }

    open my $file, '<:raw', $Test::Nginx::Util::ErrLogFile or die "log: $!";
    local $/;
    my $log = <$file>;

    $is->(scalar(grep { index($log, $_) >= 0 } @right), 0, 'it does not');
}
--- no_error_log eval
[qr/hush/i, '[error]', '[crit]']



=== TEST 41: HTTP/2: accepted
--- http2
--- request eval
"POST /github/\nsome text"
--- more_headers eval
CORE::join ': ', ::sign('github', 'some text')
--- error_code: 200
--- response_body chop
some text



=== TEST 42: HTTP/2: refused, without a body
--- http2
--- request eval
[map { "POST /$_/\n" } @::Schemes]
--- more_headers eval
['', 'X-Hub-Signature-256: ', 'Stripe-Signature: t=1,v1=1', '',
 'X-Shopify-Hmac-Sha256: x']
--- error_code eval
[(401) x 5]
--- response_headers eval
[map { "WWW-Authenticate: $::Challenge{$_}\n"
       . 'Content-Type: application/problem+json' } @::Schemes]
--- response_body eval
my @reasons = qw(missing missing stale missing invalid);
[map { ::refused($_, shift(@reasons) . '_signature') =~ s/^401 \[\S+\] //r }
     @::Schemes]



=== TEST 43: HTTP/2: frames of one byte, bodies of any size, refusals before and after
--- http2
--- client eval
sub {
    my $is = shift;
    my $socket = ::dial2();
    my $stream = 1;

    my $check = sub {
        my ($name, $answer, $pieces, $uri, @header) = @_;

        ::put($socket, ::headers($stream, $uri, @header),
              map { ::data($stream, $_) } @$pieces);
        ::put($socket, ::data($stream, '', 1));
        $is->(::answer2($socket, $stream), $answer =~ s/^(\d+) \[.*?\]/$1/r,
              "$uri: $name");
        $stream += 2;
    };

    my $large = substr $::Large, 0, 60000;

    for my $scheme (@::Schemes) {
        my $wrong = ::refused($scheme, 'invalid_signature');

        for my $uri ("/$scheme/", "/$scheme-file/") {
            $check->('nothing', ::accepted(''), [], $uri, ::sign($scheme, ''));
            $check->('nothing, wrong', $wrong, [], $uri, ::sign($scheme, 'x'));

            for my $length ([], ['Content-Length' => length $::Json]) {
                $check->('bytes', ::accepted($::Json), [split //, $::Json],
                         $uri, @$length, ::sign($scheme, $::Json));
                $check->('bytes, wrong', $wrong,
                         [split //, $::Json ^ ' '], $uri, @$length,
                         ::sign($scheme, $::Json));
            }

            $check->('none', ::refused($scheme, 'missing_signature'), ['x'],
                     $uri);
            $check->('twice', $wrong, ['x'], $uri, ::sign($scheme, 'x'),
                     ::sign($scheme, 'x'));
        }
    }

    for my $scheme (qw(stripe shopify)) {
        my @pieces = $large =~ /.{1,5000}/gs;

        # a connection of its own, which has room for one such answer
        $socket = ::dial2();
        $stream = 1;
        $check->('large', ::accepted($large), \@pieces, "/$scheme-file/",
                 ::sign($scheme, $large));
        $check->('large, wrong', ::refused($scheme, 'invalid_signature'),
                 \@pieces, "/$scheme-file/", ::sign($scheme, "$large "));
    }
}
--- error_log
a client request body is buffered to a temporary file



=== TEST 44: an unknown scheme
--- config
    location /hook/ {
        webhook signed;
        webhook_signature gitlab hush;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*has an unknown scheme.* in \S+/conf/nginx\.conf:\d+$}



=== TEST 45: a scheme's name is in lower case, and the first argument
--- config
    location /hook/ {
        webhook signed;
        webhook_signature GitHub hush;
    }
--- must_die
--- error_log
has an unknown scheme



=== TEST 46: a secret in the scheme's place does not show
--- config
    location /hook/ {
        webhook signed;
        webhook_signature hush-secret github;
    }
--- must_die
--- error_log
has an unknown scheme



=== TEST 47: no arguments
--- config
    location /hook/ {
        webhook signed;
        webhook_signature;
    }
--- must_die
--- error_log
invalid number of arguments in "webhook_signature" directive



=== TEST 48: no secret
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github;
    }
--- must_die
--- error_log
"webhook_signature" directive needs a secret in



=== TEST 49: no secret beside a tolerance
--- config
    location /hook/ {
        webhook signed;
        webhook_signature stripe tolerance=1m;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive needs a secret in \S+/conf/nginx\.conf:\d+$}



=== TEST 50: an empty secret
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github "";
    }
--- must_die
--- error_log
"webhook_signature" directive has an empty secret in



=== TEST 51: an empty secret beside another one
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush "" tolerance=1m;
    }
--- must_die
--- error_log
"webhook_signature" directive has an empty secret in



=== TEST 52: a standard secret that is not base64
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hush-hush_hushhushhushhushhushhush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 53: a standard secret with more behind its padding
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hushhushhushhushhushhushhushhushaA==,whsec_hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 54: a standard secret that was cut in the middle of a byte
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hushhushhushhushhushhushhushhushh;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 55: a standard secret of 23 bytes
--- config eval
'location /hook/ {
     webhook signed;
     webhook_signature standard whsec_' . MIME::Base64::encode_base64('h' x 23, '') . ';
 }'
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in
--- no_error_log
aGho



=== TEST 56: a standard secret of 65 bytes
--- config eval
'location /hook/ {
     webhook signed;
     webhook_signature standard ' . MIME::Base64::encode_base64('h' x 65, '') . ';
 }'
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in
--- no_error_log
aGho



=== TEST 57: a standard secret of nothing but its prefix
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 58: an empty standard secret
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard "";
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 59: the second of two standard secrets
--- config
    location /hook/ {
        webhook signed;
        webhook_signature standard whsec_hushhushhushhushhushhushhushhush whsec_hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a secret that is not base64 of 24 to 64 bytes in



=== TEST 60: tolerance of nothing
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush tolerance=;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 61: tolerance of no time
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush tolerance=5x;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 62: a negative tolerance
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack tolerance=-1 hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 63: a tolerance that is too large
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack hush tolerance=99999999999999999999;
    }
--- must_die
--- error_log
"webhook_signature" directive has an invalid "tolerance=" in



=== TEST 64: a tolerance twice
--- config
    location /hook/ {
        webhook signed;
        webhook_signature slack tolerance=5m hush tolerance=5m;
    }
--- must_die
--- error_log
"webhook_signature" directive has more than one "tolerance=" in



=== TEST 65: a tolerance for GitHub
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush tolerance=5m;
    }
--- must_die
--- error_log
"webhook_signature" directive has a "tolerance=", but its scheme no timestamp in



=== TEST 66: a tolerance for Shopify
--- config
    location /hook/ {
        webhook signed;
        webhook_signature shopify tolerance=5m hush;
    }
--- must_die
--- error_log
"webhook_signature" directive has a "tolerance=", but its scheme no timestamp in



=== TEST 67: webhook_signature twice
--- config
    location /hook/ {
        webhook signed;
        webhook_signature github hush;
        webhook_signature github hush2;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook_signature" directive is duplicate in \S+/conf/nginx\.conf:\d+$}



=== TEST 68: webhook_signature twice, of two schemes, in http
--- http_config
    webhook_signature github hush;
    webhook_signature slack hush2;
--- config
    location /hook/ {
        webhook signed;
    }
--- must_die
--- error_log
"webhook_signature" directive is duplicate in



=== TEST 69: webhook signed without webhook_signature
--- config
    location /hook/ {
        include ../html/hook.conf;
    }
--- user_files
>>> hook.conf
# one
webhook_secret hush;
webhook signed;
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook signed" needs "webhook_signature" in \S+/html/hook\.conf:3$}



=== TEST 70: the signature of another location is none of this one
--- config
    location /hook/ {
        webhook signed;
    }
    location /other/ {
        webhook_signature github hush;
    }
--- must_die
--- error_log
"webhook signed" needs "webhook_signature" in



=== TEST 71: webhook signed has no parameters
--- config
    location /hook/ {
        webhook signed unknown=pass;
        webhook_signature github hush;
    }
--- must_die
--- error_log
invalid parameter "unknown=pass" of "webhook signed" in



=== TEST 72: webhook signed has no plugins, so its secrets are nobody's
--- config
    location /hook/ {
        webhook signed;
        webhook_secret hush slug=acme;
        webhook_signature github hush;
    }
--- must_die
--- error_log
"webhook_secret" with "slug=acme" can't be used with "webhook signed" in



=== TEST 73: webhook_signature in "if"
--- config
    location /hook/ {
        webhook signed;
        if ($http_x) {
            webhook_signature github hush;
        }
    }
--- must_die
--- error_log
"webhook_signature" directive is not allowed here in



=== TEST 74: webhook luzmo without a secret and without a signature
--- config
    location /hook/ {
        webhook luzmo;
    }
--- must_die
--- error_log eval
qr{\[emerg\] .*"webhook luzmo" needs "webhook_secret" or "webhook_signature", or an explicit "webhook_secret off", in \S+/conf/nginx\.conf:\d+$}
