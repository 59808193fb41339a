package Sink;

# Somebody's endpoint: a plain HTTP server that remembers what it gets and
# answers as it is told to.
#
#     use Sink;
#
#     my $sink = Sink->new(port => NginxProcess::port(8), dir => $dir);
#     $sink->answer('/a' => 503, 'Retry-After: 1');
#     my ($request) = $sink->wait_for('/a', 1);
#     is($request->{headers}{host}, 'a.test');
#
# Paths are compared with the query string.  What is not set is answered with
# 200.  A request is {line, path, headers, body}; header names are in lower
# case, and one that comes twice is a list with commas.

use strict;
use warnings;

use Child ();
use IO::Socket::INET ();

sub new {
    my ($class, %self) = @_;
    my $self = bless {%self}, $class;

    my $socket = IO::Socket::INET->new(LocalAddr => '127.0.0.1',
                                       LocalPort => $self->{port},
                                       Listen => 64, ReuseAddr => 1)
        or die "sink: $!";

    $self->{file} = "$self->{dir}/answers";
    $self->{log} = "$self->{dir}/requests";
    NginxProcess::write_file($_, '') for @$self{qw(file log)};

    Child::start('sink', sub { $self->serve($socket) });

    return $self;
}

sub answer {
    my ($self, $path, $status, @header) = @_;

    $self->{answers}{$path} = join "\t", $status, @header;

    NginxProcess::write_file("$self->{file}.new", join '',
        map { "$_\t$self->{answers}{$_}\n" } sort keys %{$self->{answers}});
    rename "$self->{file}.new", $self->{file} or die "rename: $!";
}

# What came for a path, or at all, so far.
sub got {
    my ($self, $path) = @_;
    my @requests;

    for my $record (split /\n/, NginxProcess::read_file($self->{log})) {
        my ($head, $body) = map { pack 'H*', $_ } split / /, $record, -1;
        my ($line, @lines) = split /\r\n/, $head;
        my %headers;

        for (@lines) {
            my ($name, $value) = /^([^:]+):\s*(.*)$/s or next;
            $name = lc $name;
            $headers{$name} = defined $headers{$name}
                              ? "$headers{$name}, $value" : $value;
        }

        my (undef, $got) = split / /, $line;
        next if defined $path && $got ne $path;
        push @requests, {line => $line, path => $got, headers => \%headers,
                         body => $body};
    }

    return @requests;
}

# The same, once there are so many of them.
sub wait_for {
    my ($self, $path, $n) = @_;

    NginxProcess::wait_until(sub { $self->got($path) >= $n });
    return $self->got($path);
}

sub serve {
    my ($self, $socket) = @_;

    open my $log, '>>', $self->{log} or die "$self->{log}: $!";
    $log->autoflush(1);

    while (!Child::orphan()) {
        my $client = $socket->accept or next;
        my $data = '';

        local $SIG{ALRM} = sub { die };

        eval {
            alarm 10;

            while ($data !~ /\r\n\r\n/) {
                sysread $client, $data, 65536, length $data or die;
            }

            my ($head, $body) = split /\r\n\r\n/, $data, 2;
            my ($length) = $head =~ /^Content-Length: (\d+)/mi;

            while (length $body < ($length // 0)) {
                sysread $client, $body, 65536, length $body or die;
            }

            alarm 0;

            my (undef, $path) = split / /, $head;
            my ($answer) = map { (split /\t/, $_, 2)[1] }
                           grep { (split /\t/)[0] eq $path }
                           split /\n/, NginxProcess::read_file($self->{file});

            my ($status, @header) = split /\t/, $answer // 200;

            print $log unpack('H*', $head), ' ', unpack('H*', $body), "\n";

            my $text = join "\r\n", "HTTP/1.1 $status It", @header,
                            'Content-Length: 0', 'Connection: close', '', '';
            syswrite $client, $text;
        };

        alarm 0;
        close $client;
    }
}

1;
