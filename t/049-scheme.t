use lib 't/lib';
use WebhookTest 'no_plan';

# "webhook_scheme": headers, items, encodings, units of time, what is signed,
# and secrets.

use Digest::SHA qw(hmac_sha1 hmac_sha256 hmac_sha512);
use HTTP::Date qw(time2str);
use HTTPClient qw($Head answer2 data dial dial2 put);
use MIME::Base64 qw(encode_base64);
use POSIX qw(strftime);
use SignatureTest;

our $Secret = 'hush-of-a-block';
our $New = 'hush-that-is-newer';

sub hex_of { unpack 'H*', $_[0] }
sub b64 { encode_base64($_[0], '') }
sub hmac { hex_of(hmac_sha256($_[0], $_[1] // $Secret)) }

sub scheme {
    my ($name, @lines) = @_;
    return "webhook_scheme $name {\n" . join('', map { "$_;\n" } @lines)
           . "}\n";
}

# Locations named as their schemes, with this secret.
sub locations {
    return join '', map {
        location("/$_/", "webhook signed; webhook_signature $_ $Secret;")
    } @_;
}

# Cases of a header X-Sig: a name, 1 if it is right, its value.
sub values_of {
    my ($is, $uri, $body, @cases) = @_;

    ask($is, $uri, map {
        my ($name, $right, $value, @more) = @$_;
        [$name, $right ? accepted($body)
                       : refused('X-Sig', 'invalid_signature'), $body,
         'X-Sig' => $value, @more]
    } @cases);
}

no_shuffle();
repeat_each(1);
run_tests();

__DATA__

=== TEST 1: a header alone
--- http_config eval: ::scheme('own', 'signature X-Sig')
--- config eval: ::locations('own')
--- client eval
sub {
    my $is = shift;
    my $good = ::hmac('x');

    ::values_of($is, '/own/', 'x',
        ['as it is', 1, $good],
        ['in upper case', 1, uc $good],
        ['in the other case', 1, ucfirst lc $good],
        ['an empty header', 0, ''],
        ['a digit less', 0, substr($good, 1)],
        ['two digits less', 0, substr($good, 2)],
        ['a digit more', 0, $good . '0'],
        ['two digits more', 0, $good . '00'],
        ['a letter that is none', 0, 'g' . substr($good, 1)],
        ['of another secret', 0, ::hmac('x', 'hush')],
        ['two of them', 0, "$good,$good"],
        ['8 KB', 0, 'a' x 8192],
        ['the header twice', 0, [$good, $good]]);

    ::ask($is, '/own/', ['no header', ::refused('X-Sig', 'missing_signature'),
                         'x'],
                        ['of no body', ::accepted(''), '',
                         'X-Sig' => ::hmac('')]);
}



=== TEST 2: a list of items, of which one has to be right, and 64 are looked at
--- http_config eval
::scheme('parts', 'signature X-Sig part=v1 "separator=;"')
. ::scheme('words', 'signature X-Sig prefix=v1, "separator= | "')
--- config eval: ::locations('parts', 'words')
--- client eval
sub {
    my $is = shift;
    my $good = ::hmac('x');
    my $bad = '0' x 64;

    ::values_of($is, '/parts/', 'x',
        ['one', 1, "v1=$good"],
        ['with blanks around', 1, "a=b ;  v1=$good  ; c"],
        ['the last one', 1, "v1=$bad;v2=$good;v1=$good"],
        ['among nothing', 1, ";;v1=$good;;"],
        ['of another name', 0, "v2=$good"],
        ['of a longer name', 0, "av1=$good"],
        ['in another case', 0, "V1=$good"],
        ['without a name', 0, $good],
        ['a blank before its value', 0, "v1= $good"],
        ['another separator', 0, "a=b,v1=$good"],
        ['the 64th', 1, 'a=b;' x 63 . "v1=$good"],
        ['the 65th', 0, 'a=b;' x 64 . "v1=$good"],
        ['200 items', 0, "v1=$bad;" x 200]);

    ::values_of($is, '/words/', 'x',
        ['one', 1, "v1,$good"],
        ['the second', 1, "v1,$bad | v1,$good"],
        ['half a separator', 0, "v1,$bad |v1,$good"],
        ['separators that overlap', 0, "a | | v1,$good"],
        ['without its prefix', 0, $good],
        ['a prefix in another case', 0, "V1,$good"],
        ['a prefix only', 0, 'v1,']);
}



=== TEST 3: base64 and base64url, with and without padding
--- http_config eval
::scheme('b', 'signature X-Sig encoding=base64')
. ::scheme('u', 'signature X-Sig encoding=base64url')
--- config eval: ::locations('b', 'u')
--- client eval
sub {
    my $is = shift;
    my ($body, $good) = ('a', '');

    # one with both of the characters that the other alphabet replaces
    $good = ::b64(::hmac_sha256(++$body, $::Secret))
        while $good !~ /\+.*\/|\/.*\+/;

    my $url = $good =~ tr{+/}{-_}r;

    for (['/b/', $good, $url], ['/u/', $url, $good]) {
        my ($uri, $right, $wrong) = @$_;

        ::values_of($is, $uri, $body,
            ['with padding', 1, $right],
            ['without', 1, $right =~ s/=//r],
            ['the other alphabet', 0, $wrong],
            ['two for one', 0, $right . '='],
            ['padding inside', 0, substr($right, 0, 20) . '='
                                  . substr($right, 21)],
            ['two of padding', 0, substr($right, 0, 42) . '=='],
            ['a character less', 0, substr($right, 0, 42)],
            ['a block more', 0, substr($right, 0, 43) . 'AAAAA'],
            ['hex', 0, ::hmac($body)],
            ['padding only', 0, '=']);
    }
}



=== TEST 4: HMACs with SHA-1 and SHA-512, and secrets longer than their blocks
--- http_config eval
::scheme('one', 'signature X-Sig', 'digest hmac-sha1')
. ::scheme('five', 'signature X-Sig', 'digest hmac-sha512')
--- config eval
CORE::join '', map {
    my $n = $_;
    map { ::location("/$_/$n/", "webhook signed; webhook_signature $_ "
                                . substr('hush' x 60, 0, $n) . ';') }
        'one', 'five'
} 1, 63, 64, 65, 127, 128, 129, 200
--- client eval
sub {
    my $is = shift;

    for my $n (1, 63, 64, 65, 127, 128, 129, 200) {
        my $key = substr('hush' x 60, 0, $n);
        my $one = ::hex_of(::hmac_sha1('x', $key));
        my $five = ::hex_of(::hmac_sha512('x', $key));

        ::values_of($is, "/one/$n/", 'x', ['SHA-1', 1, $one],
                    ['SHA-512', 0, $five], ['cut', 0, substr($five, 0, 40)]);
        ::values_of($is, "/five/$n/", 'x', ['SHA-512', 1, $five],
                    ['SHA-1', 0, $one]);
    }
}



=== TEST 5: timestamps in seconds, milliseconds, by RFC 3339 and by HTTP
--- http_config eval
CORE::join '', map {
    ::scheme($_, 'signature X-Sig', "timestamp X-Time unit=$_",
             'content "$timestamp.$body"')
} qw(s ms rfc3339 http)
--- config eval: ::locations(qw(s ms rfc3339 http))
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $utc = ::strftime('%Y-%m-%dT%H:%M:%S', gmtime $now);
    my $east = ::strftime('%Y-%m-%dT%H:%M:%S', gmtime $now + 5.5 * 3600);
    my $west = ::strftime('%Y-%m-%dT%H:%M:%S', gmtime $now - 9.5 * 3600);
    my $old = ::strftime('%Y-%m-%dT%H:%M:%SZ', gmtime $now - 400);
    my %answer = (ok => ::accepted('x'),
                  stale => ::refused('X-Sig', 'stale_signature'),
                  no => ::refused('X-Sig', 'invalid_signature'));

    my %cases = (
        s => [[ok => $now], [ok => "0$now"], [stale => $now - 400],
              [stale => $now + 400], [stale => $now . '000'], [stale => -$now],
              [stale => '9' x 30], [no => "$now.0"], [no => $utc . 'Z'],
              [no => 'now'], [no => '']],
        ms => [[ok => $now . '000'], [ok => $now . '999'], [stale => $now],
               [stale => $now - 400 . '000'], [stale => "-${now}000"],
               [stale => '9' x 30], [no => "${now}.000"], [no => 'x']],
        rfc3339 => [[ok => $utc . 'Z'], [ok => $utc . '.5Z'],
                    [ok => $utc . '.123456789Z'], [ok => $utc . '+00:00'],
                    [ok => $utc . '-00:00'], [ok => $east . '+05:30'],
                    [ok => $west . '-09:30'], [ok => lc($utc) . 'z'],
                    [stale => $old], [stale => $utc . '+01:00'],
                    [stale => '1999-12-31T23:59:60Z'],
                    [stale => '2000-02-29T00:00:00Z'],
                    [stale => '9999-12-31T23:59:59Z'],
                    (map { [no => $_] }
                         $utc, $utc . '.Z', $utc . '+0000', $utc . ' Z',
                         $utc . 'Zx', $utc . '+24:00', $utc . '+00:60', $now,
                         '1969-12-31T23:59:59Z', '2023-02-29T00:00:00Z',
                         '2100-02-29T00:00:00Z', '2024-13-01T00:00:00Z',
                         '2024-00-01T00:00:00Z', '2024-04-31T00:00:00Z',
                         '2024-01-00T00:00:00Z', '2024-01-01T24:00:00Z',
                         '2024-01-01T00:60:00Z', '2024-01-01T00:00:61Z',
                         '2024-1-01T00:00:00Z', '-024-01-01T00:00:00Z',
                         '2024/01/01T00:00:00Z', '2024-01-01', '2', 'Z',
                         '2024-01-01 00:00:00Z', ''),
                   ],
        http => [[ok => ::time2str($now)], [stale => ::time2str($now - 400)],
                 [stale => 'Sun, 06 Nov 1994 08:49:37 GMT'], [no => $now],
                 [no => 'Sun, 06 Xoo 1994 08:49:37 GMT'],
                 [no => $utc . 'Z'],
                 # nginx's parser takes these, and what is behind them, too
                 [no => ::time2str($now) . '.{"a":1}'],
                 [no => ::time2str($now) . ' '],
                 [no => 'x' . ::time2str($now)],
                 [no => ::strftime('%A, %d-%b-%y %H:%M:%S GMT', gmtime $now)],
                 [no => ::strftime('%a %b %e %H:%M:%S %Y', gmtime $now)]],
    );

    for my $unit (sort keys %cases) {
        ::ask($is, "/$unit/", map {
            my ($answer, $text) = @$_;
            ["\"$text\"", $answer{$answer}, 'x', 'X-Time' => $text,
             'X-Sig' => ::hmac("$text.x")]
        } @{$cases{$unit}});
    }

    ::ask($is, '/s/',
        ['no timestamp', ::refused('X-Sig', 'missing_signature'), 'x',
         'X-Sig' => ::hmac('x')],
        ['two of them', $answer{no}, 'x', 'X-Time' => [$now, $now],
         'X-Sig' => ::hmac("$now.x")]);
}



=== TEST 6: a timestamp among the signatures, and in a list of its own
--- http_config eval
::scheme('same', 'timestamp X-Sig part=ts "separator=;"',
         'signature X-Sig part=h1 "separator=;"', 'content "$timestamp:$body"')
. ::scheme('list', 'timestamp X-Time part=t "separator=, "',
           'signature X-Sig', 'content "$timestamp:$body"')
--- config eval: ::locations('same', 'list')
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $good = ::hmac("$now:x");
    my $old = $now - 400;

    ::values_of($is, '/same/', 'x',
        ['as it is', 1, "ts=$now;h1=$good"],
        ['the other way round, with blanks', 1, "h1=$good ; ts=$now "],
        ['two signatures', 1, "ts=$now;h1=${\ ('0' x 64)};h1=$good"],
        ['no timestamp', 0, "h1=$good"],
        ['an empty one', 0, "ts=;h1=$good"],
        ['the same twice', 0, "ts=$now;ts=$now;h1=$good"],
        ['another one', 0, 'ts=' . ($now + 1) . ";h1=$good"]);

    ::ask($is, '/same/',
        ['an old one', ::refused('X-Sig', 'stale_signature'), 'x',
         'X-Sig' => "ts=$old;h1=" . ::hmac("$old:x")]);

    ::values_of($is, '/list/', 'x',
        ['in a list', 1, $good, 'X-Time' => "n=1, t=$now, m=2"],
        ['not in it', 0, $good, 'X-Time' => "n=1, m=$now"],
        ['twice in it', 0, $good, 'X-Time' => "t=$now, t=$now"]);
}



=== TEST 7: what is signed: text, the id, variables, before and after the body
--- http_config eval
::scheme('all', 'signature X-Sig', 'id X-Id', 'timestamp X-Time',
         'content "v0:$id.${timestamp}:$request_method${scheme}://$host'
         . '$request_uri{$body}$http_x_more$arg_none;$own"')
. ::scheme('id', 'signature X-Sig', 'id X-Id')
. 'map $http_x_more $own { default "by default"; m "by a map"; }'
--- config eval
::location('/all/', "webhook signed; webhook_signature all $::Secret;"
                    . 'add_header X-Webhook-Id $webhook_id always;')
. ::location('/id/', "webhook signed; webhook_signature id $::Secret;"
                     . 'add_header X-Webhook-Id $webhook_id always;')
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $content = sub {
        my ($id, $body, $more) = @_;
        return "v0:$id.$now:POST" . 'http://a.example/all/%20?q=1'
               . "{$body}$more;" . ($more eq 'm' ? 'by a map' : 'by default');
    };

    my @common = (Host => 'a.example', 'X-Time' => $now);

    ::ask($is, '/all/%20?q=1',
        ['all of it', ::accepted('x'), 'x', @common, 'X-Id' => 'ev_1',
         'X-More' => 'm', 'X-Sig' => ::hmac($content->('ev_1', 'x', 'm'))],
        ['a variable that is empty', ::accepted('x'), 'x', @common,
         'X-Id' => 'ev_1', 'X-Sig' => ::hmac($content->('ev_1', 'x', ''))],
        ['another id', ::refused('X-Sig', 'invalid_signature'), 'x', @common,
         'X-Id' => 'ev_2', 'X-Sig' => ::hmac($content->('ev_1', 'x', ''))],
        ['no id', ::refused('X-Sig', 'missing_signature'), 'x', @common,
         'X-Sig' => ::hmac($content->('', 'x', ''))],
        ['an id with what ends it', ::refused('X-Sig', 'invalid_signature'),
         'x', @common, 'X-Id' => 'ev.1',
         'X-Sig' => ::hmac($content->('ev.1', 'x', ''))],
        ['another host', ::refused('X-Sig', 'invalid_signature'), 'x',
         'X-Time' => $now, Host => 'b.example', 'X-Id' => 'ev_1',
         'X-Sig' => ::hmac($content->('ev_1', 'x', ''))]);

    my $socket = ::dial();
    ::put($socket, ::request('/id/', 'x', 'X-Id' => 'ev.3',
                           'webhook-id' => 'other', 'X-Sig' => ::hmac('x')));
    $is->(::answer($socket), ::accepted('x'), 'an id that is not signed');
    $is->($::Head =~ /^X-Webhook-Id: (\S+)/m ? $1 : '', 'ev.3',
          'it is $webhook_id');
}



=== TEST 8: secrets: hex, base64 and a prefix, several, files and variables
--- http_config eval
::scheme('own', 'signature X-Sig')
. ::scheme('hex', 'signature X-Sig', 'secret hex')
. ::scheme('b', 'signature X-Sig', 'secret base64 prefix=whsec_')
. ::scheme('url', 'signature X-Sig', 'secret base64url')
. 'map $http_x_tenant $hush { a hush-of-a; b hush-of-b; }'
--- config eval
::location('/hex/', 'webhook signed; webhook_signature hex '
                    . unpack('H*', $::Secret) . ' '
                    . uc(unpack('H*', $::New)) . ';')
. ::location('/b/', 'webhook signed; webhook_signature b whsec_'
                    . ::b64($::Secret) . ' ' . ::b64($::New) . ';')
. ::location('/url/', 'webhook signed; webhook_signature url '
                    . ::b64("\xfb\xff\xfe hush") =~ tr{+/}{-_}r . ';')
. ::location('/file/', 'webhook signed; '
                       . 'webhook_signature own file=../html/secrets;')
. ::location('/tenant/', 'webhook signed; webhook_signature own $hush;')
--- user_files eval: ">>> secrets\n$::Secret\r\n\n$::New"
--- client eval
sub {
    my $is = shift;

    for my $uri ('/hex/', '/b/', '/file/') {
        ::values_of($is, $uri, 'x', ['the first', 1, ::hmac('x')],
                    ['the second', 1, ::hmac('x', $::New)],
                    ['another one', 0, ::hmac('x', 'hush')],
                    ['an empty one', 0, ::hmac('x', '')]);
    }

    ::values_of($is, '/url/', 'x',
                ['base64url', 1, ::hmac('x', "\xfb\xff\xfe hush")]);

    ::values_of($is, '/tenant/', 'x',
        ['a', 1, ::hmac('x', 'hush-of-a'), 'X-Tenant' => 'a'],
        ['b', 1, ::hmac('x', 'hush-of-b'), 'X-Tenant' => 'b'],
        ['of another tenant', 0, ::hmac('x', 'hush-of-b'), 'X-Tenant' => 'a'],
        ['of none', 0, ::hmac('x', ''), 'X-Tenant' => 'c'],
        ['the text itself', 0, ::hmac('x', '$hush'), 'X-Tenant' => 'c']);
}



=== TEST 9: slowly, in pieces, and in a file
--- http_config eval
::scheme('own', 'signature X-Sig', 'timestamp X-Time',
         'content "$timestamp.$body.end"')
--- config eval
::location('/own/', "webhook signed; webhook_signature own $::Secret;")
. ::location('/file/', "webhook signed; webhook_signature own $::Secret;"
                       . 'client_body_in_file_only clean;')
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my @signed = ('X-Time' => $now, 'X-Sig' => ::hmac("$now.abcdef.end"));

    for my $uri ('/own/', '/file/') {
        my $socket = ::dial();

        for (1 .. 2) {
            ::put($socket, ::chunked($uri, ['abc', 'd', 'ef'], @signed));
            $is->(::answer($socket), ::accepted('abcdef'), "$uri in chunks");
        }

        ::put($socket, ::chunked($uri, ['abc', 'd', 'eg'], @signed));
        $is->(::answer($socket), ::refused('X-Sig', 'invalid_signature'),
              "$uri in chunks, another body");

        ::ask($is, $uri,
            ['a large one', ::accepted($::Large), $::Large, 'X-Time' => $now,
             'X-Sig' => ::hmac("$now.$::Large.end")],
            ['its last byte', ::refused('X-Sig', 'invalid_signature'),
             substr($::Large, 0, -1) . 'x', 'X-Time' => $now,
             'X-Sig' => ::hmac("$now.$::Large.end")]);
    }

    my $socket = ::dial();
    ::put_slowly($socket, ::request('/own/', 'abcdef', @signed));
    $is->(::answer($socket), ::accepted('abcdef'), 'byte by byte');
}



=== TEST 10: the block may be in a file that is included
--- http_config
include ../html/scheme.conf;
--- config eval: ::locations('own')
--- user_files
>>> scheme.conf
webhook_scheme own {
    signature  X-Sig;
}
--- client eval
sub {
    my $is = shift;

    ::values_of($is, '/own/', 'x', ['of a file', 1, ::hmac('x')]);
}



=== TEST 11: HTTP/2
--- http2
--- http_config eval
::scheme('own', 'signature X-Sig', 'timestamp X-Time',
         'content "$timestamp.$body.end"')
--- config eval
::location('/own/', "webhook signed; webhook_signature own $::Secret;")
. ::location('/file/', "webhook signed; webhook_signature own $::Secret;"
                       . 'client_body_in_file_only clean;')
--- client eval
sub {
    my $is = shift;
    my $now = time;
    my $socket = ::dial2();
    my $stream = 1;
    my $wrong = ::refused('X-Sig', 'invalid_signature');

    for my $uri ('/own/', '/file/') {
        for (['pieces', ::accepted('abcdef'), 'abc', 'd', 'ef'],
             ['another body', $wrong, 'abc', 'd', 'eg'])
        {
            my ($name, $answer, @pieces) = @$_;

            ::put($socket,
                  ::headers($stream, $uri, 'x-time' => $now,
                            'x-sig' => ::hmac("$now.abcdef.end")),
                  map { ::data($stream, $_) } @pieces);
            ::put($socket, ::data($stream, '', 1));
            $is->(::answer2($socket, $stream),
                  $answer =~ s/^(\d+) \[.*?\]/$1/r, "$uri: $name");
            $stream += 2;
        }
    }
}



=== TEST 12: the vectors of RFC 2202 and RFC 4231, test case 2
--- http_config eval
::scheme('one', 'signature X-Sig', 'digest hmac-sha1')
. ::scheme('two', 'signature X-Sig', 'digest hmac-sha256')
. ::scheme('five', 'signature X-Sig', 'digest hmac-sha512', 'secret hex')
--- config eval
::location('/one/', 'webhook signed; webhook_signature one Jefe;')
. ::location('/two/', 'webhook signed; webhook_signature two Jefe;')
. ::location('/five/', 'webhook signed; webhook_signature five 4a656665;')
--- client eval
sub {
    my $is = shift;
    my $text = 'what do ya want for nothing?';

    ::values_of($is, '/one/', $text, ['SHA-1', 1,
        'effcdf6ae5eb2fa2d27416d5f184df9c259a7c79']);
    ::values_of($is, '/two/', $text, ['SHA-256', 1,
        '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843']);
    ::values_of($is, '/five/', $text, ['SHA-512', 1,
        '164b7a7bfcf819e2e395fbe73b56e0a387bd64222e831fd610270cd7ea250554'
        . '9758bf75c05a994a6d034f65f8f0e6fdcaeab1a34d4a6b4b636e070a38bce737']);
}
