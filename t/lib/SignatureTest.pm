package SignatureTest;

# What the blocks of the signatures' tests share: secrets and a location of each
# scheme, an upstream that answers with the body it got, a client that signs
# what it sends when it sends it, and checks that hold for several schemes.
#
#     use WebhookTest 'no_plan';
#     use SignatureTest;
#
# - /<scheme>/ has one secret, /<scheme>-two/ has two, /<scheme>-file/ keeps
#   bodies in files.
#
# - A block has a request, or a client: a sub that is called while nginx is
#   running, with a sub for what it has to check.  Its config and http_config
#   are in addition.
#
# - No secret may be in the log of any block, and no signature in that of a
#   client, unless the block says that nginx itself writes the headers there.

use strict;
use warnings;

use Answers qw(echo);
use Digest::SHA qw(hmac_sha256);
use Exporter qw(import);
use HTTP::Date ();
use HTTPClient qw($Head chunks dial put);
use MIME::Base64 qw(decode_base64 encode_base64);
use Test::More ();
use Time::HiRes ();
use WebhookTest;

our @EXPORT = qw(@Schemes %Secret %Key %Challenge $Json $Large $App %Prefix
                 location signature mac sign sign_list accepted challenged
                 refused luzmo_refused lenra_refused head request chunked
                 put_slowly answer ask ask_aged headers check_example
                 check_no_signature check_hexadecimal check_base64 check_list
                 check_no_list check_signed_timestamp tolerances
                 check_tolerance check_timestamps);

our @Schemes = qw(standard github stripe slack shopify);

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

our $Json = '{"slug":"acme","user_id":"6b1f0d3e-4f57-4c4a-9c0e-0f4b8a1f2c3d",'
            . '"key":"a3c9e5d0-1b2c-4d3e-8f4a-5b6c7d8e9f01","dataset_id":"d"}';

# Not a whole number of any buffer, and not the same twice.
our $Large = join '', map { "$_ \0\xff\x80\r\n" } 1 .. 110000;

our $App = '2f5f1c1e-8f0a-4a65-9d0c-3b6a3d7f8e21';

our $Upstream = "server_tokens off;\n" . echo(
    shown => 'add_header X-Seen "$content_type|$http_content_encoding";',
    server => 'location /status/503 { return 503; }');

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

# $form is luzmo, problem or lenra; $challenge is a scheme, or the challenge
# itself.  What follows is as Answers.pm has it.
sub challenged {
    my ($form, $challenge, @refusal) = @_;

    my $answer = Answers::refused($form, @refusal);

    $challenge = $answer =~ /^401 / ? $Challenge{$challenge} // $challenge : '';

    return $answer =~ s/^\d+\K/ [$challenge]/r;
}

# by "webhook signed" and "webhook munity", "webhook luzmo", "webhook lenra"
sub refused { challenged(problem => @_) }
sub luzmo_refused { challenged(luzmo => @_) }
sub lenra_refused { challenged(lenra => @_) }


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

# --- checks of a scheme -----------------------------------------------------

# The example of the scheme's own documentation, at /documented/.
sub check_example {
    my ($is, $scheme, $body, @header) = @_;

    ask($is, '/documented/',
        ['as it is', accepted($body), $body, @header],
        ['another body', refused($scheme, 'invalid_signature'),
         "$body ", @header]);
}

# What is no signature; $other are prefixes of something else.
sub check_no_signature {
    my ($is, $scheme, @other) = @_;
    my $prefix = $Prefix{$scheme};
    my $mac = mac($scheme, 'x');
    my $length = length $mac;
    my $t = $scheme eq 'stripe' ? 't=' . time . ',' : '';

    ask($is, "/$scheme/", map {
        [substr($_, 0, 100), refused($scheme, 'invalid_signature'), 'x',
         sign($scheme, 'x', value => "$t$_")]
    } (($prefix eq '' ? () : ($prefix, $mac)),
       (map { $_ . $mac } @other),
       (map { $prefix . $_ }
            substr($mac, 0, 1), substr($mac, 0, $length / 2),
            substr($mac, 0, -2), substr($mac, 0, -1), substr($mac, 1),
            $mac . '0', $mac . '=', $mac . $mac, "\"$mac\"", "$mac;",
            "$mac|$mac", "$mac\t$mac",
            ('A' x $length) , ('0' x $length), ('=' x $length),
            ('-' x $length), ('g' x $length), ("\xff" x $length),
            ('%' x $length), ('x' x 9000),
            '0x' . substr($mac, 2), ' ' . substr($mac, 1),
            substr($mac, 0, -1) . ' x', scalar reverse($mac))));

    ask($is, "/$scheme/", ['the right one', accepted('x'), 'x',
                           sign($scheme, 'x')]);
}

# Hexadecimal digits are of any case.
sub check_hexadecimal {
    my ($is, $scheme) = @_;
    my $time = time;
    my $mac = mac($scheme, 'x', time => $time);
    my $t = $scheme eq 'stripe' ? "t=$time," : '';

    for my $text (uc $mac, ucfirst $mac, $mac) {
        ask($is, "/$scheme/", [$text, accepted('x'), 'x',
            sign($scheme, 'x', time => $time,
                 value => $t . $Prefix{$scheme} . $text)]);
    }
}

# Base64 is that of RFC 4648, section 4, with its padding.
sub check_base64 {
    my ($is, $scheme) = @_;
    my ($body, $time, $mac) = ('a', time, '');

    # one with both of the characters that the other alphabet replaces
    $mac = mac($scheme, ++$body, time => $time)
        while $mac !~ /\+.*\/|\/.*\+/;

    ask($is, "/$scheme/", map {
        my ($name, $right, $text) = @$_;
        [$name, $right ? accepted($body)
                       : refused($scheme, 'invalid_signature'),
         $body, sign($scheme, $body, time => $time,
                     value => $Prefix{$scheme} . $text)]
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
       ['in hexadecimal', 0, unpack 'H*', decode_base64($mac)]));
}

# A list of signatures: one of them has to be right; $wrong is none.
sub check_list {
    my ($is, $scheme, $separator, $wrong) = @_;
    my $prefix = $Prefix{$scheme};

    $wrong = $prefix . $wrong;

    my $list = sub {
        my ($name, $right, @items) = @_;

        return [$name, $right ? accepted('x')
                              : refused($scheme, 'invalid_signature'),
                'x', sign_list($scheme, 'x', $separator, @items)];
    };

    my $good = "$prefix%s";
    my $later = $prefix =~ s/1/2/r . '%s';

    ask($is, "/$scheme/",
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
        ask($is, "/$scheme/",
            $list->("the last of $n", 1, ($wrong) x ($n - 1), $good),
            $list->("the first of $n", 1, $good, ($wrong) x ($n - 1)),
            $list->("none of $n", 0, ($wrong) x $n),
            $list->("$n times the right one", 1, ($good) x $n),
            $list->("$n of other versions", 0, ($later) x $n));
    }
}

# A list is no signature; $wrong is none either.
sub check_no_list {
    my ($is, $scheme, $wrong) = @_;

    for my $separator (' ', ',', ', ', ';') {
        ask($is, "/$scheme/", map {
            ["$_->[0] with \"$separator\"",
             refused($scheme, 'invalid_signature'), 'x',
             sign_list($scheme, 'x', $separator,
                       map { $Prefix{$scheme} . $_ } @$_)]
        } (['%s', '%s'], ['%s', $wrong], [$wrong, '%s']));
    }
}

# The timestamp is signed.
sub check_signed_timestamp {
    my ($is, $scheme) = @_;
    my $time = time - 5;
    my $mac = $Prefix{$scheme} . mac($scheme, 'x', time => $time);

    for my $other ($time + 1, $time - 1, "0$time") {
        my $value = $scheme eq 'stripe' ? "t=$other,$mac" : $mac;

        ask($is, "/$scheme/",
            ['another timestamp', refused($scheme, 'invalid_signature'),
             'x', sign($scheme, 'x', time => $other, value => $value)]);
    }
}

# Locations for check_tolerance().
sub tolerances {
    my ($scheme) = @_;

    return location('/brief/', 'webhook signed; '
                               . signature($scheme, 1, 'tolerance=90s'))
           . location('/least/', 'webhook signed; '
                                . signature($scheme, 2, 'tolerance=1s'))
           . location('/long/', 'webhook signed; '
                                . signature($scheme, 1, 'tolerance=1d'));
}

# The tolerance: at it, inside and outside, of the past and the future.
sub check_tolerance {
    my ($is, $scheme) = @_;
    my $stale = refused($scheme, 'stale_signature');
    my $good = accepted('aged');

    for (["/$scheme/", 300], ['/brief/', 90], ['/least/', 1],
         ['/long/', 86400])
    {
        my ($uri, $tolerance) = @$_;

        for my $sign (1, -1) {
            ask_aged($is, $uri, $scheme, $good, $sign * $tolerance);
            ask_aged($is, $uri, $scheme, $stale, $sign * ($tolerance + 1));
            ask_aged($is, $uri, $scheme, $stale, $sign * ($tolerance + 2));

            ask_aged($is, $uri, $scheme, $good, $sign * ($tolerance - 1));

            next if $tolerance < 2;

            ask_aged($is, $uri, $scheme, $good, $sign * ($tolerance - 2));
        }
    }
}

# Timestamps that are none, or of another age.
sub check_timestamps {
    my ($is, $scheme) = @_;
    my $now = time;
    my $stale = refused($scheme, 'stale_signature');
    my $wrong = refused($scheme, 'invalid_signature');

    ask($is, "/$scheme/", map {
        my ($text, $answer) = @$_;
        [substr($text, 0, 100), $answer, 'x',
         sign($scheme, 'x', time => $text)]
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
       ["00$now", accepted('x')],
       ['0' x 100 . $now, accepted('x')],
       [$now, accepted('x')]));

    # what is too old is not looked at any more
    my $value = $Prefix{$scheme} . 'no signature';
    $value = "t=1,$value" if $scheme eq 'stripe';

    ask($is, "/$scheme/", ['stale, and no signature', $stale, 'x',
        sign($scheme, 'x', time => 1, value => $value)]);
}


# --- blocks -----------------------------------------------------------------

add_response_body_check(sub {
    my $block = shift;

    return if !defined $block->client;

    my $name = $block->name;

    Test::More::is(ref $block->client, 'CODE', "$name - the client compiles");

    %Made = ();
    $block->client->(sub { Test::More::is($_[0], $_[1], "$name - $_[2]") });

    open my $file, '<:raw', $Test::Nginx::Util::ErrLogFile or die "log: $!";
    local $/;
    my $log = <$file>;

    Test::More::is(scalar(grep { index($log, $_) >= 0 } keys %Made), 0,
                   "$name - no signature is in the log")
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

1;
