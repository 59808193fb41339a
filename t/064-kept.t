use strict;
use warnings;

use lib 't/lib';
use NginxProcess;
use QueueTest qw(config nginx event send_event client id waiting drained);
use Destination;
use IO::Socket::INET ();
use Test::More;

# A delivery sees the request as the location did that took the event: over
# what it came, from whom, and with the URI that the location would have passed.

my $Root = $NginxProcess::Root;
my ($Http, $Out, $Tls, $Front, $Behind) = map { NginxProcess::port($_) } 0 .. 4;

my $To = Destination->new(port => $Out)->start;

# Tells the application the values of variables.
sub headers {
    return join ' ', map { qq(proxy_set_header X-Is-$_ "[\$$_]";) } @_;
}

# What an application was told of variables, by their names
sub told {
    my $seen = shift;
    my %is;

    for (keys %{$seen->{headers}}) {
        next unless /^x-is-(.*)/;
        my $name = $1 =~ tr/-/_/r;
        ($is{$name}) = $seen->{headers}{$_} =~ /^\[(.*)\]$/;
    }

    return \%is;
}

# An event to /hook/, which is queued, and the same one to /direct/, which is
# passed on; returns what the application was told of each.
sub both {
    my ($send, $what, $number) = @_;
    my @told;

    $number //= '';

    for my $path ("/hook$number/x?a=b", "/direct$number/x?a=b") {
        $To->forget;
        $send->($path);
        my ($seen) = $To->wait_for(1);
        ok($seen, "$what to $path");
        push @told, $seen;
    }

    return @told;
}

sub openssl {
    my $line = join ' ', @_;
    return system("openssl $line >>$Root/logs/openssl 2>&1") == 0;
}

sub certificates {
    return openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=there',
                   "-keyout $Root/conf/key -out $Root/conf/cert")
           && openssl('req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=me',
                      "-keyout $Root/conf/me-key -out $Root/conf/me-cert");
}

# What takes events, and what passes the same ones on at once
sub locations {
    my ($names, $rewrite, $number) = @_;
    my $headers = headers(@$names);

    $number //= '';

    return <<END;
        location /hook$number/ {
            $rewrite
            webhook munity unknown=pass;
            webhook_secret off;
            webhook_queue q;
        }
        location /direct$number/ {
            $rewrite
            webhook munity unknown=pass;
            webhook_secret off;
            $headers
            proxy_pass http://127.0.0.1:$Out;
        }
END
}

my @Kept = qw(scheme https server_name server_protocol remote_user request_id
              proxy_protocol_addr proxy_protocol_port proxy_protocol_server_addr
              proxy_protocol_server_port realip_remote_addr
              ssl_protocol ssl_cipher ssl_server_name ssl_client_verify
              ssl_client_s_dn ssl_client_fingerprint ssl_client_escaped_cert
              http2 host remote_addr server_port);

# Connections that lead to /hook/ and /direct/ in other ways than plain HTTP
sub ways {
    my $names = shift;
    my $locations = locations($names, '');

    return <<END;
    underscores_in_headers on;

    server {
        listen 127.0.0.1:$Tls ssl;
        server_name there.example;
        ssl_certificate cert;
        ssl_certificate_key key;
        ssl_verify_client optional_no_ca;
        $locations
    }
    server {
        listen 127.0.0.1:$Front;
        location / {
            proxy_pass https://127.0.0.1:$Tls;
            proxy_set_header Host there.example;
            proxy_ssl_server_name on;
            proxy_ssl_name there.example;
            proxy_ssl_certificate me-cert;
            proxy_ssl_certificate_key me-key;
        }
    }
    server {
        listen 127.0.0.1:$Behind proxy_protocol;
        server_name behind.example;
        set_real_ip_from 127.0.0.1;
        real_ip_header proxy_protocol;
        $locations
    }
END
}

sub event_of {
    my ($uri, %headers) = @_;
    my $body = event();
    my %all = (Host => 'x', 'Content-Type' => 'application/json',
               'Content-Length' => length $body, Connection => 'close',
               %headers);

    return "POST $uri HTTP/1.1\r\n"
           . join('', map { "$_: $all{$_}\r\n" } sort keys %all) . "\r\n$body";
}

# Sends bytes to a port, and returns the status.
sub bytes {
    my ($port, $bytes) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
                                       PeerPort => $port, Timeout => 10)
        or return;
    print $socket $bytes;
    my $answer = do { local $/; <$socket> } // '';

    return $answer =~ /^HTTP\S+ (\d+)/ ? $1 : undef;
}


# --- variables ------------------------------------------------------------

subtest 'variables of connections' => sub {
    plan skip_all => 'openssl makes no certificates' unless certificates();

    my $nginx = nginx('kept', http => ways(\@Kept), more => headers(@Kept));

    my %cases = (
        'over TLS' => [sub { bytes($Front, event_of(shift)) }, {
            scheme => 'https', https => 'on', server_name => 'there.example',
            ssl_server_name => 'there.example', host => 'there.example',
            ssl_client_s_dn => 'CN=me', server_port => $Tls,
            server_protocol => 'HTTP/1.0',
        }],
        'behind the PROXY protocol' => [sub {
            bytes($Behind, "PROXY TCP4 192.0.2.7 192.0.2.8 1234 443\r\n"
                           . event_of(shift, Authorization
                                             => 'Basic bWU6c2VjcmV0'));
        }, {
            scheme => 'http', https => '', server_name => 'behind.example',
            proxy_protocol_addr => '192.0.2.7', proxy_protocol_port => 1234,
            proxy_protocol_server_addr => '192.0.2.8',
            proxy_protocol_server_port => 443, remote_addr => '192.0.2.7',
            realip_remote_addr => '127.0.0.1', remote_user => 'me',
            server_port => $Behind, server_protocol => 'HTTP/1.1',
        }],
    );

    for my $way (sort keys %cases) {
        my ($send, $expected) = @{$cases{$way}};
        my ($hook, $direct) = map { told($_) } both($send, $way);

        is(length($hook->{request_id} // ''), 32, 'the request has an id');
        delete $_->{request_id} for $hook, $direct;

        is_deeply($hook, $direct, "$way: as without a queue");
        is_deeply({map { $_ => $hook->{$_} } keys %$expected}, $expected,
                  "$way: what they are");
    }

    ok(drained(), 'delivered');
    $nginx->finish;
};

subtest 'the id of a request' => sub {
    my $nginx = nginx('request-id', more => headers('request_id'),
                      http => "log_format id '\$uri \$request_id';",
                      hook => 'access_log logs/ids id;');
    $To->forget;

    ok(id(send_event(client(), 'X-Do' => '500, 200')), 'acknowledged');
    my @ids = map { told($_)->{request_id} } $To->wait_for(2);
    my ($sent) = NginxProcess::read_file("$Root/logs/ids") =~ /^\S+ (\S+)$/;

    is_deeply(\@ids, [$sent, $sent], 'is that of the request that brought it');
    ok(drained(), 'delivered');
    $nginx->finish;
};

subtest 'the time that judging took' => sub {
    my $nginx = nginx('judge-time', more => headers('webhook_judge_time'),
                      http => "log_format took '\$uri \$webhook_judge_time';",
                      hook => 'access_log logs/took took;');
    $To->forget;

    ok(id(send_event(client(), 'X-Do' => '500, 200')), 'acknowledged');
    my @times = map { told($_)->{webhook_judge_time} } $To->wait_for(2);
    my ($took) = NginxProcess::read_file("$Root/logs/took") =~ /^\S+ (\S+)$/;

    like($took, qr/^\d+\.\d{9}$/, 'is known where it was judged');
    is_deeply(\@times, [$took, $took], 'and to each attempt');
    ok(drained(), 'delivered');
    $nginx->finish;
};

subtest 'variables that were not used' => sub {
    plan skip_all => 'openssl makes no certificates' unless certificates();

    my $more = 'proxy_set_header X-Now yes;';
    my $nginx = nginx('unused', http => ways([]), retry => '1h');
    $To->forget;

    my $sent = bytes($Front, event_of('/hook/x', 'X-Do' => '500, 200'));
    is($sent, 202, 'an event over TLS');
    $To->wait_for(1);
    ok(NginxProcess::wait_until(sub { waiting() == 1 }), 'waits');

    config($nginx, http => ways([]), retry => '100ms',
           more => $more . headers(qw(scheme server_name ssl_protocol)));
    $nginx->reload;

    ok(NginxProcess::wait_until(sub {
        grep { $_->{headers}{'x-now'} } $To->seen
    }), 'delivered by a configuration that uses more');

    my ($seen) = grep { $_->{headers}{'x-now'} } $To->seen;
    is_deeply(told($seen), {scheme => 'https', server_name => 'there.example',
                            ssl_protocol => ''},
              'some are always kept, the others not');

    ok(drained(), 'delivered');
    $nginx->finish;
};

subtest 'an application that insists on TLS' => sub {
    plan skip_all => 'openssl makes no certificates' unless certificates();

    my $app = NginxProcess::port(5);
    my $nginx = nginx('insists', pass => "proxy_pass http://127.0.0.1:$app;",
                      more => 'proxy_set_header X-Forwarded-Proto $scheme;',
                      http => ways([]) . <<END);
    server {
        listen 127.0.0.1:$app;
        location / {
            if (\$http_x_forwarded_proto != https) {
                return 301 https://\$host\$request_uri;
            }
            proxy_pass http://127.0.0.1:$Out;
        }
    }
END
    $To->forget;

    is(bytes($Front, event_of('/hook/x')), 202, 'an event over TLS');
    is(scalar($To->wait_for(1)), 1, 'gets to it');
    ok(drained(), 'delivered');
    $nginx->finish;
};


# --- URIs -----------------------------------------------------------------

subtest 'rewritten URIs' => sub {
    my @cases = (
        # rewrite of the location, URI
        ['', '/PATH/a%20b/../c?d=%20e'],
        ['rewrite ^/\w+/(.*)$ /written/$1 break;', '/PATH/a%20b/../c?d=%20e'],
        ['rewrite ^/\w+/(.*)$ /written/$1 break;', '/PATH/a%20b%25%3F?d'],
        ['rewrite ^/\w+/(.*)$ /w%20n/$1 break;', '/PATH/plain'],
        ["rewrite ^/\\w+/(.*)\$ /written/\$1 break;", "/PATH/\xc3\xa9"],
        ['rewrite ^ /written?more=$args break;', '/PATH/x?d=%20e'],
        ['rewrite ^ /written? break;', '/PATH/x?d=e'],
        ['set $args "";', '/PATH/x?d=e'],
        ['if ($args) { rewrite ^ /if break; }', '/PATH/x?d=e'],
    );

    my @names = qw(request_uri request);
    my $from = join '', map { locations(\@names, $cases[$_][0], $_) }
                        0 .. $#cases;

    for my $location ('@deliver', '/deliver/') {
        my $nginx = nginx('rewritten', location => $location, from => $from,
                          more => headers(@names));

        for my $n (0 .. $#cases) {
            my ($rewrite, $uri) = @{$cases[$n]};

            my ($hook, $direct) = both(sub {
                my $to = shift =~ /^\/(\w+)/ ? $1 : '';
                send_event(client(), uri => $uri =~ s/PATH/$to/r);
            }, $rewrite, $n);

            my $is = sub {
                my $seen = shift;
                my $told = told($seen);
                return join("\n", $seen->{request},
                            map { "$_ $told->{$_}" } sort keys %$told)
                       =~ s/(?:hook|direct)$n/PATH/gr;
            };

            is($is->($hook), $is->($direct), "$location, $rewrite, $uri");
        }

        ok(drained(), 'delivered');
        $nginx->finish;
        unlink glob "$Root/queue.rewritten*";
    }
};

subtest 'other locations that lead to a queue' => sub {
    my $refused = qr/connect\(\) failed \(111: /;

    my $nginx = NginxProcess->new(name => 'held');
    $nginx->expect($refused);

    config($nginx, workers => 1, from => <<END)->start;
        location /app/ {
            error_page 502 = \@held;
            proxy_pass http://127.0.0.1:1;
        }
        location /from/ {
            rewrite ^/from/(.*)\$ /hook/\$1 last;
        }
        location /hook/ {
            webhook munity unknown=pass;
            webhook_secret off;
            webhook_queue q;
        }
        location \@held {
            webhook munity unknown=pass;
            webhook_secret off;
            webhook_queue q;
        }
END

    my %line = ('/app/a%20b?c=d' => '/app/a%20b?c=d',
                '/from/a%20b?c=d' => '/hook/a%20b?c=d');

    for my $uri (sort keys %line) {
        $To->forget;
        ok(id(send_event(client(), uri => $uri)), "$uri is taken");
        my ($seen) = $To->wait_for(1);
        like($seen->{request}, qr/^POST \Q$line{$uri}\E HTTP/,
             'and delivered as proxy_pass would have passed it');
    }

    ok(drained(), 'at once');
    $nginx->finish;
};

$To->stop;
done_testing();
